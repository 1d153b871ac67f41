"""Traces on a real API server: what Jobs are told is what the recorder exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from orchestrator.engine.status.conditions import is_recorded
from orchestrator.engine.trace_context import parse_traceparent
from orchestrator.models.labels import TRACEPARENT
from tests.cluster.twelve_node_workflow import TASK, task
from tests.collector import attributes_of, collecting
from tests.kube import (
    Kubectl,
    ended,
    eventually,
    execution,
    running_operator,
    workflow,
)
from tests.recorder_process import RecorderProcess

CALLER = f"00-{'a1' * 16}-{'b2' * 8}-01"


def recorded(raw: dict[str, Any]) -> bool:
    """Whether an execution has the condition Recorded."""
    return is_recorded(raw["status"])


def traceparents(kubectl: Kubectl) -> dict[str, str]:
    """What the Jobs of a namespace are told, by the name of the node."""
    found = {}
    for job in kubectl.get("jobs")["items"]:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        env = {item["name"]: item.get("value", "") for item in container["env"]}
        node = job["metadata"]["annotations"]["automation.itechsmart.dev/node"]
        found[node] = env["TRACEPARENT"]
    return found


def test_an_execution_and_its_sub_executions_are_one_trace_that_the_jobs_continue(
    kubectl: Kubectl, account: Path, recorder_config: Path, tmp_path: Path
) -> None:
    kubectl.apply(TASK)
    kubectl.apply(workflow("inner", nodes=[task("leaf")]))
    kubectl.apply(
        workflow("outer", nodes=[task("first"), {"name": "sub", "workflow": {"name": "inner"}}])
    )
    started = execution("outer", "run")
    started["metadata"]["annotations"] = {TRACEPARENT: CALLER}
    database = f"--database=sqlite:///{tmp_path / 'history.db'}"
    with collecting() as collector:
        options = [database, f"--namespace={kubectl.namespace}", f"--traces={collector.url}"]
        options.append("--logs=off")  # the nodes are fake, and serve none
        recorder = RecorderProcess(recorder_config, tmp_path / "recorder", *options)
        with running_operator(account, tmp_path / "operator", "--tracing"):
            kubectl.create(started)
            ended(kubectl, "run")
            told = traceparents(kubectl)
            recorder.start()
            recorder.kill()  # at any moment of its start
            recorder.start()
            try:
                eventually(lambda: all(map(recorded, kubectl.get("awfx")["items"])), 120)
            finally:
                recorder.stop()
    spans = {span.span_id.hex(): span for span in collector.spans}
    by_name = {span.name: span for span in spans.values()}
    assert set(by_name) == {"workflow outer", "workflow inner", "first", "sub", "leaf"}
    assert {span.trace_id.hex() for span in spans.values()} == {"a1" * 16}
    assert by_name["workflow outer"].parent_span_id.hex() == "b2" * 8

    def parent(span: Span) -> str:
        return spans[span.parent_span_id.hex()].name

    assert parent(by_name["sub"]) == parent(by_name["first"]) == "workflow outer"
    assert parent(by_name["workflow inner"]) == "sub"
    assert parent(by_name["leaf"]) == "workflow inner"
    for node in ("first", "leaf"):
        context = parse_traceparent(told[node])
        assert context is not None
        assert spans[context.span_id].name == node
    assert attributes_of(by_name["leaf"])["itechsmart.workflow"] == "inner"
