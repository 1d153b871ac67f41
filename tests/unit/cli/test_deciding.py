"""Decisions on the command line: what would not count is refused before it is sent."""

from __future__ import annotations

import io
from typing import Any

import pytest

from orchestrator.cli.deciding import decide
from orchestrator.cli.signalling import send_signal
from orchestrator.session.errors import UsageError
from tests.unit.cli.fake_cluster import ClusterState, UserTarget

SCHEMA: dict[str, Any] = {
    "properties": {
        "ticket": {"type": "string", "pattern": "OPS-[0-9]+", "description": "the change"},
        "count": {"type": "integer", "maximum": 10},
        "urgent": {"type": "boolean"},
    },
    "required": ["ticket", "count"],
}


def approve(
    stored: ClusterState, user: str = "ana", *groups: str, node: str | None = None, **more: Any
) -> int:
    given = [f"{name}={value}" for name, value in more.pop("given", {}).items()]
    person = UserTarget(stored=stored, user=user, groups=groups, lacks=tuple(more.pop("lacks", ())))
    verdict, comment = more.pop("verdict", "Approve"), more.pop("comment", "")
    assert not more
    return decide(person, "run", node, verdict, comment, given)


def refused(stored: ClusterState, user: str = "ana", *groups: str, **more: Any) -> str:
    with pytest.raises(UsageError) as error:
        approve(stored, user, *groups, **more)
    assert stored.decisions() == []
    return str(error.value)


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


def test_a_decision_carries_the_groups_that_make_its_maker_eligible(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored = ClusterState()
    stored.ask()
    assert approve(stored, "bob", *(f"g{number}" for number in range(100)), "sre") == 0
    entry = {"node": "ask", "by": "bob", "decision": "Approve", "groups": ["sre"]}
    assert stored.decisions() == [entry]
    assert capsys.readouterr().out == "workflowexecution/run: bob approved ask\n"


def test_who_is_no_approver_is_refused_with_who_is_asked() -> None:
    stored = ClusterState()
    stored.ask()
    said = refused(stored, "eve", "dev")
    assert "eve is not one of the approvers" in said
    assert "asked: group:sre, user:ana" in said


@pytest.mark.parametrize(
    "spec",
    [
        {"requester": "ana"},
        {"requester": None, "trigger": {"type": "execution", "name": "t", "requester": "ana"}},
        {"requester": "ana", "rerunOf": {"name": "old", "from": ["go"]}},
    ],
)
def test_who_is_excluded_as_requester_is_refused(spec: dict[str, Any]) -> None:
    stored = ClusterState()
    stored.ask(approval={"excludeRequester": True}, spec=spec)
    assert "and the requester is excluded" in refused(stored)


def test_without_the_verb_the_command_that_grants_it_is_shown() -> None:
    stored = ClusterState()
    stored.ask()
    said = refused(stored, lacks=["approve"])
    assert "ana may not approve workflowexecutions in namespace default" in said
    assert "--clusterrole=itechsmart-workflow-approve --user=ana" in said


def test_missing_inputs_are_shown_with_what_to_type() -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    said = refused(stored, given={"urgent": "true"})
    assert "ask of run requires inputs that are missing: ticket, count" in said
    assert "ticket (string, matches OPS-[0-9]+, required): the change" in said
    assert "urgent (boolean, optional)" in said
    assert said.endswith(
        "orchestrator -n default approve run ask --input ticket=TEXT --input count=3"
    )


def test_a_misspelt_input_is_told_the_right_name() -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    assert "did you mean 'ticket'?" in refused(stored, given={"tiket": "OPS-1", "count": "3"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ticket": "12", "count": "3"}, "inputs.ticket"),
        ({"ticket": "OPS-1", "count": "11"}, "inputs.count"),
        ({"ticket": "OPS-1", "count": "three"}, "integer expected, such as count=3"),
        ({"ticket": "OPS-1", "count": "3", "urgent": "yes"}, "boolean expected"),
        ({"ticket": "OPS-1", "count": "3", "more": "x" * 5000}, "at most 4,096 are accepted"),
    ],
)
def test_inputs_that_would_not_count_are_refused(given: dict[str, str], words: str) -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    assert words in refused(stored, given=given)


def test_inputs_are_sent_in_the_types_of_the_schema() -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    assert approve(stored, given={"ticket": "OPS-1", "count": "3", "urgent": "true"}) == 0
    assert stored.decisions()[0]["inputs"] == {"ticket": "OPS-1", "count": 3, "urgent": True}


def test_a_reject_needs_no_inputs() -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    assert approve(stored, verdict="Reject", comment="no") == 0
    assert stored.decisions()[0]["decision"] == "Reject"


def test_at_a_terminal_what_is_missing_is_asked_for_until_it_has_its_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    monkeypatch.setattr("sys.stdin", Terminal("OPS-7\n\nmany\n4\n"))
    assert approve(stored) == 0
    assert stored.decisions()[0]["inputs"] == {"ticket": "OPS-7", "count": 4}
    shown = capsys.readouterr().err
    assert "ticket (string, matches OPS-[0-9]+, required): the change" in shown
    assert "integer expected" in shown


def test_a_terminal_that_ends_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = ClusterState()
    stored.ask(approval={"inputs": SCHEMA})
    monkeypatch.setattr("sys.stdin", Terminal("OPS-7\n"))
    assert "nothing was entered for count; nothing was decided" in refused(stored)


def test_an_unknown_node_is_told_the_nearest_and_one_that_does_not_wait_its_state() -> None:
    stored = ClusterState()
    stored.ask()
    assert "run has no node aks; did you mean 'ask'?" in refused(stored, node="aks")
    said = refused(stored, node="go")
    assert "go of run does not wait for a decision (not started); waiting: ask" in said


def test_what_has_timed_out_or_ended_is_refused_in_words() -> None:
    stored = ClusterState()
    raw = stored.ask(record={"phase": "Failed", "reason": "ApprovalTimedOut"})
    assert "(Failed, ApprovalTimedOut); no approval is waiting" in refused(stored, node="ask")
    raw["status"]["phase"] = "Failed"
    assert "run has already ended: Failed" in refused(stored)


def test_while_the_policies_are_missing_a_decision_is_refused() -> None:
    stored = ClusterState()
    stored.ask(record={"reason": "ApprovalsUnprotected", "message": "the policies are missing"})
    assert "no decision counts now: the policies are missing" in refused(stored)


def test_who_may_not_read_the_graph_can_still_decide() -> None:
    stored = ClusterState()
    stored.ask()
    assert approve(stored, "ana", "dev", lacks=["get controllerrevisions"]) == 0
    assert stored.decisions()[0]["groups"] == ["dev"]


def test_a_decision_replaces_the_earlier_one_as_a_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored = ClusterState()
    earlier = {
        "node": "ask",
        "by": "ana",
        "decision": "Approve",
        "comment": "by kubectl",
        "inputs": {"old": 1},
    }
    bobs = {"node": "ask", "by": "bob", "decision": "Approve", "groups": ["sre"]}
    stored.ask(spec={"decisions": [bobs, earlier]})
    assert approve(stored, verdict="Reject") == 0
    assert stored.decisions() == [bobs, {"node": "ask", "by": "ana", "decision": "Reject"}]
    assert "ana rejected ask, in place of Approve" in capsys.readouterr().out


def test_replacing_a_decision_loses_none_that_is_written_meanwhile() -> None:
    stored = ClusterState()
    raw = stored.ask(spec={"decisions": [{"node": "ask", "by": "ana", "decision": "Reject"}]})
    bobs = {"node": "ask", "by": "bob", "decision": "Approve", "groups": ["sre"]}

    def meanwhile() -> None:
        raw["spec"]["decisions"].insert(0, bobs)
        stored.store(raw)

    stored.interrupt = meanwhile
    assert approve(stored) == 0
    assert stored.decisions() == [bobs, {"node": "ask", "by": "ana", "decision": "Approve"}]


def test_the_same_decision_made_again_is_another_one() -> None:
    stored = ClusterState()
    stored.ask()
    moments = []
    for _ in range(2):
        assert approve(stored) == 0
        moments.append(
            stored.objects["WorkflowExecution", "default", "run"]["spec"]["decisions"][0]["at"]
        )
    assert moments[0] != moments[1]


def test_what_waits_in_sub_executions_is_shown_with_what_to_type() -> None:
    stored = ClusterState()
    outer = stored.ask(record={"phase": "Succeeded", "reason": ""})
    parent = {"name": "run", "uid": outer["metadata"]["uid"], "node": "gate", "depth": 1}
    middle = stored.ask("middle", spec={"parent": parent}, record={"phase": "Succeeded"})
    stored.ask("inner", spec={"parent": {**parent, "uid": middle["metadata"]["uid"]}})
    said = refused(stored)
    assert said.startswith("no approval of run is waiting; waiting in its sub-executions:")
    assert "orchestrator -n default approve inner ask" in said


def test_a_signal_is_sent_beside_others() -> None:
    stored = ClusterState()
    raw = stored.ask(spec={"signals": [{"id": "0", "name": "go", "by": "bob"}]})
    person = UserTarget(stored=stored)
    assert send_signal(person, "run", "go", '{"x": 1}', "1") == 0
    raw = stored.objects["WorkflowExecution", "default", "run"]
    assert [signal["id"] for signal in raw["spec"]["signals"]] == ["0", "1"]


def test_while_the_policies_are_missing_a_signal_is_refused() -> None:
    stored = ClusterState()
    stored.ask(record={"reason": "SignalsUnprotected", "message": "no signal counts"})
    with pytest.raises(UsageError, match="ask of run is waiting, but no signal counts"):
        send_signal(UserTarget(stored=stored), "run", "go", None, None)
