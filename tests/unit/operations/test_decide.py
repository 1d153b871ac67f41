"""Decisions and signals: what would not count is refused, and others' entries stay."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operations.approvals import ApprovalDetails, details_of, waiting_approval
from orchestrator.operations.decide import ApprovalDecision, Person, decide
from orchestrator.operations.entries import decision_of
from orchestrator.operations.errors import CommandError
from orchestrator.operations.signal import signal
from orchestrator.operations.writes import Apply, Edit
from tests.unit.operations.builders import execution, graph_of

SCHEMA: dict[str, Any] = {
    "properties": {"ticket": {"type": "string", "pattern": "OPS-[0-9]+"}},
    "required": ["ticket"],
    "additionalProperties": False,
}
NOW = 1_800_000_000.25
ANA = Person("ana", ["dev"])


def waiting(**record: Any) -> dict[str, Any]:
    """An execution in which the approval `ask` waits."""
    began = "2026-11-28T12:00:00Z"
    ask = {"phase": "Waiting", "reason": "AwaitingApproval", "startedAt": began, **record}
    return execution(revision="flow-1", startedAt=began, nodes={"ask": ask})


def graph(**approval: Any) -> Any:
    spec = {"approvers": ["group:sre", "user:ana"], **approval}
    return graph_of({"nodes": [{"name": "ask", "approval": spec}]})


def asked(**approval: Any) -> ApprovalDetails:
    found = details_of(waiting(), graph(**approval), "ask")
    assert found is not None
    return found


def refused(error: pytest.ExceptionInfo[CommandError]) -> tuple[str, str]:
    return error.value.path, error.value.words


# Which approval


def test_the_only_approval_that_waits_is_meant() -> None:
    assert waiting_approval(waiting(), graph(), None) == "ask"


@pytest.mark.parametrize(
    ("raw", "node", "said"),
    [
        (execution(phase="Failed"), None, "run has already ended: Failed"),
        (execution(nodes={}), None, "no approval of run is waiting"),
        (waiting(), "aks", "run has no node aks; did you mean 'ask'?"),
        (
            waiting(phase="Failed", reason="Rejected"),
            "ask",
            "ask of run does not wait for a decision (Failed, Rejected); no approval is waiting",
        ),
        (
            waiting(reason="ApprovalsUnprotected", message="no policies"),
            None,
            "ask of run is waiting, but no decision counts now: no policies",
        ),
    ],
)
def test_an_approval_that_cannot_be_decided_on_is_refused(
    raw: dict[str, Any], node: str | None, said: str
) -> None:
    with pytest.raises(CommandError) as error:
        waiting_approval(raw, graph(), node)
    assert error.value.words == said


def test_of_several_approvals_one_must_be_named() -> None:
    raw = waiting()
    raw["status"]["nodes"]["also"] = raw["status"]["nodes"]["ask"]
    with pytest.raises(
        CommandError, match="several approvals of run are waiting: name one of also, ask"
    ):
        waiting_approval(raw, None, None)
    assert waiting_approval(raw, None, "also") == "also"


# Decisions


def test_a_decision_is_an_entry_with_its_moment() -> None:
    assert decide(asked(), "ask", ANA, ApprovalDecision("Approve", "fine"), now=NOW) == {
        "node": "ask",
        "by": "ana",
        "decision": "Approve",
        "comment": "fine",
        "at": "2027-01-15T08:00:00.250000Z",
    }


def test_only_the_groups_that_make_a_person_eligible_are_recorded() -> None:
    bob = Person("bob", ["dev", "sre"])
    assert decide(asked(), "ask", bob, ApprovalDecision("Reject"), now=NOW)["groups"] == ["sre"]
    many = Person("bob", [f"g{number}" for number in range(100)])
    assert len(decide(None, "ask", many, ApprovalDecision("Reject"), now=NOW)["groups"]) == 64


@pytest.mark.parametrize(
    ("person", "verdict", "approval", "path", "said"),
    [
        (
            Person("eve"),
            ApprovalDecision("Reject"),
            {},
            "by",
            "eve is not one of the approvers, so your",
        ),
        (
            Person(""),
            ApprovalDecision("Reject"),
            {},
            "by",
            "the API server does not say who you are",
        ),
        (
            ANA,
            ApprovalDecision("Approve"),
            {"inputs": SCHEMA},
            "inputs",
            "ask of run requires inputs that are missing: ticket\nasked for:\n  ticket (string,",
        ),
        (
            ANA,
            ApprovalDecision("Approve", inputs={"tiket": "OPS-1"}),
            {"inputs": SCHEMA},
            "inputs",
            "missing: ticket; did you mean 'ticket'?",
        ),
        (
            ANA,
            ApprovalDecision("Approve", inputs={"ticket": "12"}),
            {"inputs": SCHEMA},
            "inputs",
            "ana gave invalid inputs: inputs.ticket: must match",
        ),
        (
            ANA,
            ApprovalDecision("Approve", inputs={"ticket": "OPS-1" * 1000}),
            {"inputs": SCHEMA},
            "inputs",
            "at most 4,096 are accepted",
        ),
    ],
)
def test_a_decision_that_would_not_count_is_refused_with_its_field(
    person: Person, verdict: ApprovalDecision, approval: dict[str, Any], path: str, said: str
) -> None:
    with pytest.raises(CommandError) as error:
        decide(asked(**approval), "ask", person, verdict, now=NOW)
    assert error.value.path == f"spec.decisions[].{path}"
    assert said in error.value.words


def test_a_reject_needs_no_inputs() -> None:
    assert decide(asked(inputs=SCHEMA), "ask", ANA, ApprovalDecision("Reject"), now=NOW)


# Entries


def test_a_first_decision_is_applied_under_a_manager_of_its_own() -> None:
    entry = {"node": "ask", "by": "ana", "decision": "Approve"}
    write, replaced = decision_of(execution(), entry)
    assert isinstance(write, Apply)
    assert (write.manager, replaced) == ("decision-ask-ana", "")
    assert write.manifest["metadata"] == {"name": "run", "uid": "uid-run"}
    assert write.manifest["spec"] == {"decisions": [entry]}


def test_a_manager_with_a_long_name_is_cut_and_stays_unique() -> None:
    entries = [{"node": "ask", "by": "x" * 200 + end, "decision": "Reject"} for end in "ab"]
    managers = {decision_of(execution(), entry)[0].manager for entry in entries}  # type: ignore[union-attr]
    assert len(managers) == 2
    assert all(len(manager) <= 128 for manager in managers)


def test_an_earlier_decision_is_replaced_only_in_the_version_that_was_read() -> None:
    bobs = {"node": "ask", "by": "bob", "decision": "Approve"}
    raw = execution(spec={"decisions": [bobs, {**bobs, "by": "ana"}]})
    entry = {"node": "ask", "by": "ana", "decision": "Reject"}
    assert decision_of(raw, entry) == (
        Edit(
            "WorkflowExecution",
            "run",
            [
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "replace", "path": "/spec/decisions/1", "value": entry},
            ],
        ),
        "Approve",
    )


# Signals


def test_a_signal_is_an_entry_under_its_identity() -> None:
    write = signal(execution(), "go", by="ana", identity="1", payload={"x": None})
    assert write.manager == "signal-1"
    entry = {"id": "1", "name": "go", "by": "ana", "payload": {"x": None}}
    assert write.manifest["spec"] == {"signals": [entry]}


@pytest.mark.parametrize(
    ("raw", "by", "payload", "problem"),
    [
        (execution(phase="Failed"), "ana", {}, ("status.phase", "run has already ended: Failed")),
        (
            execution(),
            "ana",
            {"x": "y" * 5000},
            ("spec.signals[].payload", "at most 4096 bytes, not 5008"),
        ),
        (
            execution(nodes={"w": {"reason": "SignalsUnprotected", "message": "none counts"}}),
            "ana",
            {},
            ("status.nodes", "w of run is waiting, but none counts"),
        ),
        (
            execution(),
            "",
            {},
            (
                "spec.signals[].by",
                "the API server does not say who you are, so you cannot decide",
            ),
        ),
    ],
)
def test_a_signal_that_would_not_count_is_refused(
    raw: dict[str, Any], by: str, payload: dict[str, Any], problem: tuple[str, str]
) -> None:
    with pytest.raises(CommandError) as error:
        signal(raw, "go", by=by, identity="1", payload=payload)
    assert refused(error) == problem
