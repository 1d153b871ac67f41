"""The metrics in the status of a Workflow, across restarts and with two writers."""

from __future__ import annotations

import asyncio
from typing import Any

from orchestrator.controller.telemetry.workflow_metrics import WorkflowMetricsWriter
from orchestrator.kube.client import ApiClient
from orchestrator.models.execution import ExecutionPhase
from tests.apiserver import ApiServer


def end(writer: WorkflowMetricsWriter, number: int) -> None:
    writer.ended(
        namespace="a",
        workflow="w",
        uid=f"uid-{number}",
        name=f"run-{number}",
        phase=ExecutionPhase.SUCCEEDED,
        reason="Completed",
        started_at=1_700_000_000.0,
        finished_at=1_700_000_001.0 + number,
    )


async def stored(server: ApiServer, number: int) -> None:
    """An execution that ended, as the API server has it."""
    await server.put(
        "workflowexecutions",
        "a",
        f"run-{number}",
        metadata={"uid": f"uid-{number}"},
        spec={"workflow": "w"},
        status={
            "phase": "Succeeded",
            "startedAt": "2023-11-14T22:13:20.000Z",
            "finishedAt": f"2023-11-14T22:13:{21 + number}.000Z",
        },
    )


def metrics(server: ApiServer) -> dict[str, Any]:
    status = server.objects["workflows", "a", "w"].get("status", {})
    metrics: dict[str, Any] = status.get("metrics", {})
    return metrics


async def test_executions_that_end_together_are_one_write(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("workflows", "a", "w")
    writer = WorkflowMetricsWriter(client)
    for number in range(20):
        end(writer, number)
    await writer.flush()
    assert metrics(server)["total"] == 20
    assert client.requests["patch", "workflows"] == 1


async def test_a_restart_counts_what_was_missed_and_nothing_twice(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("workflows", "a", "w")
    for number in range(5):
        await stored(server, number)
    before = WorkflowMetricsWriter(client)
    end(before, 1)
    end(before, 3)
    await before.flush()
    after = asyncio.create_task(WorkflowMetricsWriter(client).run())
    await server.until(lambda: metrics(server).get("total") == 5)
    after.cancel()
    await asyncio.gather(after, return_exceptions=True)
    assert metrics(server)["executions"] == {"Succeeded": 5}


async def test_two_writers_do_not_count_twice(server: ApiServer, client: ApiClient) -> None:
    await server.put("workflows", "a", "w")
    writers = [WorkflowMetricsWriter(client), WorkflowMetricsWriter(client)]
    for writer in writers:
        for number in range(10):
            end(writer, number)
    await asyncio.gather(*(writer.flush() for writer in writers))
    await asyncio.gather(*(writer.flush() for writer in writers))
    assert metrics(server)["total"] == 10


async def test_an_end_that_no_watch_reported_is_found(server: ApiServer, client: ApiClient) -> None:
    await server.put("workflows", "a", "w")
    writer = WorkflowMetricsWriter(client)
    await stored(server, 1)
    await writer._recount("a", "run-1", "uid-1")
    await writer._recount("a", "run-1", "another")
    await writer._recount("a", "gone", "uid-9")
    await writer.flush()
    assert metrics(server)["total"] == 1


async def test_an_execution_whose_workflow_is_gone_is_not_counted(
    server: ApiServer, client: ApiClient
) -> None:
    assert server.objects == {}
    writer = WorkflowMetricsWriter(client)
    end(writer, 1)
    await writer.flush()
    assert not writer._waiting


async def test_a_flush_beside_a_write_under_way_does_no_harm(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("workflows", "a", "w")
    writer = WorkflowMetricsWriter(client)
    end(writer, 1)
    await asyncio.gather(writer._write("a", "w"), writer.flush())
    await writer.flush()
    assert metrics(server)["total"] == 1
