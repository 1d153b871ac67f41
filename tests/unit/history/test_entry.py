"""What is kept of an execution, and what is not."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.history.entry import approvals_of, entry_from, object_of
from tests.unit.history.executions import REVISION, START, ended, record


def kept(raw: dict[str, Any]) -> dict[str, Any]:
    found = entry_from(raw)
    assert found is not None
    return object_of(found.body)


def test_an_execution_that_has_not_ended_has_no_entry() -> None:
    raw = ended("run")
    raw["status"] = {"phase": "Running"}
    assert entry_from(raw) is None
    assert entry_from({**raw, "status": None}) is None


def test_the_values_of_variables_that_were_checked_against_nothing_are_not_kept() -> None:
    """Someone may have passed a secret by mistake, which is why it was refused."""
    spec = {"variables": {"token": "hunter2"}}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(spec)}
    refused = ended("run", phase="Failed", seconds=None, spec=spec, annotations=annotations)
    document = kept(refused)
    assert "hunter2" not in json.dumps(document)
    assert list(document["spec"]["variables"]) == ["token"]
    assert kept(ended("run", spec=spec))["spec"]["variables"] == {"token": "hunter2"}


def test_nodes_that_ran_and_ended_have_durations() -> None:
    nodes = {
        "check": record("Succeeded", START, 1.25),
        "approve": record("Failed", START, 3600),
        "restart": record("Running", START, None),
        "skipped": {**record("Skipped", START, 1), "startedAt": None},
    }
    found = entry_from(ended("run", nodes=nodes), approvals_of(REVISION))
    assert found is not None
    times = [(each.node, each.approval, each.duration) for each in found.nodes]
    assert times == [("check", False, 1250), ("approve", True, 3_600_000)]


def test_the_requester_is_the_person_behind_the_trigger_if_no_one_else_asked() -> None:
    trigger = {"type": "api_endpoint", "name": "start", "requester": "ana@example.com"}
    found = entry_from(ended("run", spec={"trigger": trigger}))
    assert found is not None
    assert (found.requester, found.trigger_type) == ("ana@example.com", "api_endpoint")


def test_columns_hold_what_every_database_takes() -> None:
    found = entry_from(ended("run", spec={"requester": "a\x00b" + "c" * 400}))
    assert found is not None
    assert found.requester == "a\ufffdb" + "c" * 250
    assert "\x00" not in found.search


def test_an_end_before_the_start_has_no_negative_duration() -> None:
    """The clock of a machine was put back."""
    found = entry_from(ended("run", seconds=-5.0))
    assert found is not None
    assert found.duration == 0


def test_a_payload_that_is_nested_deeper_than_json_is_written_is_cut() -> None:
    nested = json.loads('{"a":' * 900 + "1" + "}" * 900)
    signals = [{"id": "one", "name": "go", "payload": nested, "by": "mallory"}]
    found = entry_from(ended("run", spec={"signals": signals}))
    assert found is not None
    payload, depth = object_of(found.body)["spec"]["signals"][0]["payload"], 0
    while payload is not None:
        payload, depth = payload["a"], depth + 1
    assert 64 < depth < 200
