"""The status says what the run is, compactly, and is read back as it was."""

from __future__ import annotations

from orchestrator.engine.status.conditions import execution_conditions
from orchestrator.engine.status.execution_status import progress_patch, run_from
from orchestrator.engine.status.record_codec import record_from_status, record_to_status
from orchestrator.engine.status.records import Record, clip
from orchestrator.engine.times import from_rfc3339, in_words, to_rfc3339
from orchestrator.models.execution import ExecutionPhase, NodePhase
from tests.builders import action, graph

NOW = 1_700_000_000.25

EXECUTION = {
    "metadata": {"name": "run-1", "namespace": "shop", "uid": "u-1", "generation": 2},
    "spec": {"workflow": "flow", "requester": "ana"},
    "status": {
        "phase": "Running",
        "revision": "flow-1",
        "startedAt": to_rfc3339(NOW),
        "variables": {"size": 3},
        "nodes": {"a": {"phase": "Running", "attempts": 1, "job": "flow-a-1"}},
    },
}


def test_times_go_out_and_come_back() -> None:
    assert to_rfc3339(NOW) == "2023-11-14T22:13:20.250Z"
    assert from_rfc3339("2023-11-14T22:13:20.250Z") == NOW
    assert [in_words(value) for value in (0.31, 12, 250, 7500)] == ["0.3s", "12s", "4m10s", "2h5m"]


def test_a_record_keeps_everything_through_the_status() -> None:
    record = Record(
        NodePhase.SUCCEEDED,
        reason="OutputsLost",
        message="gone",
        attempts=2,
        exit_code=3,
        job="flow-a-1",
        started_at=NOW,
        attempt_started_at=NOW + 1,
        finished_at=NOW + 2,
        outputs={"value": 1},
    )
    assert record_from_status(record_to_status(record)) == record


def test_an_empty_record_is_only_its_phase() -> None:
    assert record_to_status(Record(NodePhase.SKIPPED)) == {"phase": "Skipped"}


def test_a_long_message_is_cut_to_256_bytes_without_breaking_a_character() -> None:
    assert len(clip("ü" * 200).encode()) <= 256
    assert clip("ü" * 200).endswith("ü…")


def test_a_run_is_read_from_its_manifest() -> None:
    secret = {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}}
    compiled = graph(action("a"), action("b"), variables=[secret])
    run = run_from(EXECUTION, compiled)
    assert run.active == ("a",)
    assert run.variables["size"] == 3
    assert run.variables["token"].name == "api"
    assert run.requester == "ana"


def test_a_patch_holds_only_the_nodes_that_changed() -> None:
    compiled = graph(action("a"), action("b"))
    changes = {"b": Record(NodePhase.PENDING, reason="ImagePull", attempts=1)}
    run = run_from(EXECUTION, compiled).recorded(changes, ExecutionPhase.RUNNING, None)
    patch = progress_patch(compiled, run, changes, 2)
    assert list(patch["nodes"]) == ["b"]
    assert patch["progress"] == "0/2"
    assert patch["active"] == "a, b (ImagePull)"
    assert patch["counts"]["running"] == 2


def test_a_reason_that_no_longer_holds_is_removed_by_the_patch() -> None:
    compiled = graph(action("a"))
    changes = {"a": Record(NodePhase.RUNNING, attempts=1)}
    run = run_from(EXECUTION, compiled).recorded(changes, ExecutionPhase.RUNNING, None)
    assert progress_patch(compiled, run, changes, 2)["nodes"]["a"]["reason"] is None


def test_conditions_speak_kstatus() -> None:
    def holding(phase: ExecutionPhase) -> set[str]:
        conditions = execution_conditions(phase, "Why", "because", 1, NOW)
        return {item["type"] for item in conditions if item["status"] == "True"}

    assert holding(ExecutionPhase.RUNNING) == {"Reconciling"}
    assert holding(ExecutionPhase.SUCCEEDED) == {"Ready", "Finished"}
    assert holding(ExecutionPhase.TIMED_OUT) == {"Stalled", "Finished"}


def test_a_condition_that_stays_keeps_its_transition_time() -> None:
    first = execution_conditions(ExecutionPhase.PENDING, "Waiting", "", 1, NOW)
    second = execution_conditions(ExecutionPhase.RUNNING, "Admitted", "", 1, NOW + 60, first)
    assert {item["lastTransitionTime"] for item in second} == {to_rfc3339(NOW)}
