"""`get approvals`: what waits, for whom, until when, and what to type."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from orchestrator.cli.getting import get_objects
from orchestrator.cli.listing import Query
from orchestrator.session.errors import UsageError
from tests.unit.cli.fake_cluster import ClusterState, UserTarget


@pytest.fixture
def stored() -> ClusterState:
    stored = ClusterState()
    schema = {"properties": {"ticket": {"type": "string"}}, "required": ["ticket"]}
    approval = {"required": 2, "excludeRequester": True, "inputs": schema}
    votes = [
        {"node": "ask", "by": "ana", "decision": "Approve", "inputs": {"ticket": "x"}},
        {"node": "ask", "by": "eve", "decision": "Approve"},
    ]
    stored.ask("run", approval=approval, spec={"decisions": votes})
    parent = {"name": "outer", "uid": "1", "node": "gate", "depth": 1}
    stored.ask("outer-gate", "shop", spec={"parent": parent})
    done = stored.ask("done", "shop")
    done["status"]["phase"] = "Succeeded"
    stored.ask("other", "shop", record={"phase": "Succeeded", "reason": ""})
    return stored


def listed(stored: ClusterState, capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    person = UserTarget(stored=stored, lacks=tuple(more.pop("lacks", ())))
    every, output = more.pop("every", False), more.pop("output", None)
    assert get_objects(person, "approvals", [], Query(every), output) == 0
    return capsys.readouterr().out


def test_the_table_says_for_whom_and_what_to_type(
    stored: ClusterState, capsys: pytest.CaptureFixture[str]
) -> None:
    header, row = listed(stored, capsys).splitlines()
    assert header.split() == ["EXECUTION", "NODE", "FOR", "APPROVED", "AGE", "LEFT", "COMMAND"]
    assert row.startswith("run         ask    group:sre,user:ana but not user:cas   1/2"[:4])
    assert "group:sre,user:ana but not user:cas" in row
    assert "1/2" in row
    assert row.endswith("orchestrator -n default approve run ask --input ticket=TEXT")


def test_all_namespaces_and_sub_executions_are_listed_and_what_ended_is_not(
    stored: ClusterState, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = listed(stored, capsys, every=True).splitlines()
    assert lines[0].split()[0] == "NAMESPACE"
    assert [line.split()[:2] for line in lines[1:]] == [["default", "run"], ["shop", "outer-gate"]]
    assert lines[2].endswith("orchestrator -n shop approve outer-gate ask")


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_read_it_too(
    stored: ClusterState, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    text = listed(stored, capsys, output=output)
    read = json.loads(text) if output == "json" else yaml.safe_load(text)
    [item] = read["items"]
    assert item["approvers"] == ["group:sre", "user:ana"]
    assert (item["excluded"], item["required"], item["approved"]) == (["cas"], 2, ["ana"])
    assert item["until"] == "2023-11-15T22:13:20.000Z"
    assert item["inputs"]["required"] == ["ticket"]
    assert listed(stored, capsys, output="name") == "run/ask\n"


def test_who_may_not_read_graphs_sees_what_waits(
    stored: ClusterState, capsys: pytest.CaptureFixture[str]
) -> None:
    row = listed(stored, capsys, lacks=["get controllerrevisions"]).splitlines()[1]
    assert row.endswith("orchestrator -n default approve run ask")


def test_where_nothing_waits_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(ClusterState(), capsys) == "no approval waits in namespace default\n"


def test_an_approval_has_no_name() -> None:
    with pytest.raises(UsageError, match="approvals have no names"):
        get_objects(UserTarget(), "approvals", ["run"], Query(), None)


def test_unprotected_approvals_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    stored = ClusterState()
    stored.ask(record={"reason": "ApprovalsUnprotected"})
    assert "ApprovalsUnprotected" in listed(stored, capsys).splitlines()[1]
