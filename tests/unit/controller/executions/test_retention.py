"""The history against an API server that behaves: what goes, and what stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestrator.controller.executions.cleanup.retention import Retention
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.revisions import UNREFERENCED_SINCE, Revisions
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Cache, Jobs
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.models.labels import DEDUPE, EXECUTION_UID, MANAGED_BY, MANAGER
from tests.apiserver import ApiServer

START = 1_800_000_000.0


@dataclass
class Outside:
    """A context with what retention needs."""

    client: ApiClient
    now: float = START
    workflows: Cache = field(default_factory=Cache)
    jobs: Jobs = field(default_factory=Jobs)
    runner_image: str = "x"

    def clock(self) -> float:
        return self.now


@pytest.fixture
def outside(client: ApiClient) -> Outside:
    return Outside(client)


@pytest.fixture
def retention(outside: Outside) -> Retention:
    context = cast("ReconcileContext", outside)
    return Retention(context, Revisions(context))


async def execution(
    server: ApiServer,
    retention: Retention,
    name: str,
    ended_at: float,
    spec: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    **status: Any,
) -> None:
    created = to_rfc3339(ended_at - 5)
    raw = await server.put(
        "workflowexecutions",
        "ns",
        name,
        metadata={"uid": f"u-{name}", "creationTimestamp": created, "labels": labels or {}},
        spec=spec or {"workflow": "w"},
        status={"phase": "Succeeded", "finishedAt": to_rfc3339(ended_at), **status},
    )
    retention.remember(raw)


def workflow(outside: Outside, **history: Any) -> None:
    raw = {"metadata": {"name": "w", "namespace": "ns"}, "spec": {"history": history}}
    outside.workflows.put(raw)


def stored(server: ApiServer, plural: str) -> list[str]:
    return sorted(name for kind, _, name in server.objects if kind == plural)


async def test_old_executions_go_and_the_newest_stay(
    server: ApiServer, outside: Outside, retention: Retention
) -> None:
    workflow(outside, succeeded=2)
    for number in range(4):
        await execution(server, retention, f"e{number}", START - 100 + number)
    await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e2", "e3"]
    writes = len(server.requests)
    await retention.sweep()
    assert len(server.requests) == writes  # a settled history is silent


async def test_without_its_workflow_the_defaults_keep_twenty(
    server: ApiServer, retention: Retention
) -> None:
    for number in range(25):
        await execution(server, retention, f"e{number:02}", START - 100 + number)
    await retention.sweep()
    assert len(stored(server, "workflowexecutions")) == 20


async def test_what_found_no_workflow_shares_one_history_of_its_namespace(
    server: ApiServer, retention: Retention
) -> None:
    """Whatever Workflows they name; what failed for another reason counts elsewhere."""
    gone: dict[str, Any] = {"phase": "Failed", "reason": "WorkflowNotFound"}
    for number in range(60):
        spec = {"workflow": f"absent-{number}"}
        await execution(server, retention, f"e{number:02}", START - 100 + number, spec, **gone)
    await execution(server, retention, "invalid", START - 200, phase="Failed", reason="InvalidSpec")
    await retention.sweep()
    kept = [f"e{number:02}" for number in range(10, 60)]
    assert stored(server, "workflowexecutions") == [*kept, "invalid"]


async def test_another_execution_of_the_same_name_stays(
    server: ApiServer, outside: Outside, retention: Retention
) -> None:
    workflow(outside, succeeded=0)
    await execution(server, retention, "e", START - 100)
    await server.remove("workflowexecutions", "ns", "e")
    await server.put("workflowexecutions", "ns", "e", metadata={"uid": "new"}, spec={}, status={})
    await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e"]


async def test_jobs_and_items_go_when_their_time_is_over(
    server: ApiServer, outside: Outside, retention: Retention
) -> None:
    workflow(outside, keepJobs="1h")
    await execution(server, retention, "e", START)
    labels = {EXECUTION_UID: "u-e"}
    job = await server.put(
        "jobs", "ns", "j", metadata={"labels": labels}, spec={"completionMode": "Indexed"}
    )
    await server.put("configmaps", "ns", "items", metadata={"labels": labels})
    outside.jobs.put(job)
    await retention.sweep()
    assert stored(server, "jobs") == ["j"]
    outside.now = START + 3600
    await retention.sweep()
    assert (stored(server, "jobs"), stored(server, "configmaps")) == ([], [])
    assert stored(server, "workflowexecutions") == ["e"]


async def test_what_deduplicates_is_kept_while_its_trigger_says_so(
    server: ApiServer, outside: Outside, retention: Retention
) -> None:
    workflow(outside, succeeded=0)
    long, dedupe = START - 30 * 3600, {"key": "1", "window": "48h"}
    spec = {"workflow": "w", "trigger": {"type": "schedule", "name": "t", "depth": 0}}
    await server.put("triggers", "ns", "t", spec={"workflow": "w", "dedupe": dedupe})
    labels = {DEDUPE: "hash"}
    await execution(server, retention, "e", long, spec=spec, labels=labels)
    await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e"]
    await server.remove("triggers", "ns", "t")
    await retention.sweep()
    assert stored(server, "workflowexecutions") == []


async def revision(server: ApiServer, name: str, **annotations: str) -> None:
    await server.put(
        "controllerrevisions",
        "ns",
        name,
        metadata={"labels": {MANAGED_BY: MANAGER}, "annotations": annotations},
    )


async def test_a_revision_goes_an_hour_after_nothing_referred_to_it(
    server: ApiServer, outside: Outside, retention: Retention
) -> None:
    await revision(server, "w-used")
    await revision(server, "w-old")
    await execution(server, retention, "e", START, revision="w-used")
    await retention.collect_revisions()
    marked = server.objects["controllerrevisions", "ns", "w-old"]["metadata"]["annotations"]
    assert UNREFERENCED_SINCE in marked
    outside.now = START + 3599
    await retention.collect_revisions()
    assert stored(server, "controllerrevisions") == ["w-old", "w-used"]
    outside.now = START + 3601
    await retention.collect_revisions()
    assert stored(server, "controllerrevisions") == ["w-used"]


async def test_a_marked_revision_that_is_used_again_loses_its_mark(
    server: ApiServer, retention: Retention
) -> None:
    await revision(server, "w-old", **{UNREFERENCED_SINCE: to_rfc3339(START - 4000)})
    await execution(server, retention, "e", START, revision="w-old")
    await retention.collect_revisions()
    left = server.objects["controllerrevisions", "ns", "w-old"]["metadata"].get("annotations")
    assert not left


async def test_a_mark_that_somebody_made_no_time_is_set_again(
    server: ApiServer, retention: Retention
) -> None:
    await revision(server, "w-old", **{UNREFERENCED_SINCE: "yesterday"})
    await retention.collect_revisions()
    stored_as = server.objects["controllerrevisions", "ns", "w-old"]["metadata"]["annotations"]
    assert stored_as[UNREFERENCED_SINCE] == to_rfc3339(START)


async def test_an_unreadable_end_is_not_in_the_history(
    server: ApiServer, retention: Retention
) -> None:
    await execution(server, retention, "e", START, finishedAt="2026-02-31T00:00:00Z")
    await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e"]


async def test_what_somebody_refuses_to_have_removed_holds_up_no_other(
    server: ApiServer,
    outside: Outside,
    retention: Retention,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workflow(outside, succeeded=1)
    for number in range(4):
        await execution(server, retention, f"e{number}", START - 100 + number)
    delete = outside.client.delete

    async def refusing(resource: Any, namespace: Any, name: str, **more: Any) -> Any:
        if name == "e0":
            raise ApiError(403, "Forbidden", "an audit keeps it")
        return await delete(resource, namespace, name, **more)

    monkeypatch.setattr(outside.client, "delete", refusing)
    for _ in range(3):
        await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e0", "e3"]
    said = [record.message for record in caplog.records if "an audit keeps it" in record.message]
    assert said == [
        "WorkflowExecution ns/e0 is kept, its removal is refused: an audit keeps it",
    ]
    monkeypatch.undo()
    await retention.sweep()
    assert stored(server, "workflowexecutions") == ["e3"]


async def test_what_went_with_its_parent_is_forgotten(
    server: ApiServer, retention: Retention
) -> None:
    child = {"workflow": "w", "parent": {"name": "p", "uid": "u-p", "node": "n", "depth": 1}}
    for name in ("kept", "gone"):
        await execution(server, retention, name, START - 100, spec=child)
    await retention.collect_revisions()
    assert {one.name for one in retention._all()} == {"kept", "gone"}
    await server.remove("workflowexecutions", "ns", "gone")
    await retention.collect_revisions()
    assert {one.name for one in retention._all()} == {"kept"}
