"""What waits for a signal or a condition."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.nodes.wait import CONDITION_CHECK_SECONDS, MAX_PAYLOAD
from orchestrator.engine.people.protection import POLICY_CHECK_SECONDS
from orchestrator.engine.people.trust import Trust, fingerprint
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, graph
from tests.engine import NOW, SUCCEEDED, decide

WAITING = Record(NodePhase.WAITING, Reason.AWAITING_SIGNAL, started_at=NOW)
SIGNAL = graph({"name": "w", "wait": {"signal": "go"}, "timeout": "60s"})
UNTIL = graph(
    {"name": "w", "wait": {"until": "nodes.a.phase == 'Succeeded'"}, "timeout": "60s"}, action("a")
)


def sent(name: str = "go", **fields: Any) -> dict[str, Any]:
    return {"id": "s1", "name": name, "by": "ana", **fields}


def after(*signals: dict[str, Any], now: float = NOW, **fields: Any) -> Record | None:
    decided = decide(SIGNAL, {"w": WAITING}, now=now, signals=signals, **fields)
    return decided.records.get("w")


def test_the_first_signal_of_its_name_ends_it_and_is_its_output() -> None:
    done = after(sent("stop"), sent(payload={"x": 1}), sent(id="s2"))
    assert done is not None
    assert done.phase is NodePhase.SUCCEEDED
    assert done.outputs == {"payload": {"x": 1}, "by": "ana", "id": "s1"}


def test_a_signal_with_more_than_the_largest_payload_is_none() -> None:
    large = sent(id="s0", payload={"x": "y" * MAX_PAYLOAD})
    assert after(large) is None
    done = after(large, sent())
    assert done is not None
    assert done.outputs["id"] == "s1"


def test_a_forged_signal_never_counts_and_is_named() -> None:
    forged = Trust(ignored=frozenset({fingerprint(sent())}))
    waiting = after(sent(), trust=forged)
    assert waiting is not None
    assert waiting.phase is NodePhase.WAITING
    assert waiting.message.startswith("signal s1 was sent before the admission policies")


def test_without_the_policies_no_signal_counts() -> None:
    decided = decide(SIGNAL, {"w": WAITING}, policies=None, signals=(sent(),))
    assert decided.records["w"].reason == Reason.SIGNALS_UNPROTECTED


def test_a_wait_has_its_time() -> None:
    assert after(now=NOW + 59) is None
    over = after(now=NOW + 60)
    assert over is not None
    assert (over.phase, over.message) == (NodePhase.TIMED_OUT, "no signal go came")
    decided = decide(SIGNAL, {"w": WAITING})
    assert decided.wake_at == NOW + POLICY_CHECK_SECONDS


def test_a_condition_is_evaluated_at_every_pass_and_at_least_so_often() -> None:
    waiting = {"w": WAITING, "a": Record(NodePhase.RUNNING, attempts=1, started_at=NOW, job="j")}
    decided = decide(UNTIL, waiting, scan=False, dirty=())
    assert decided.wake_at == NOW + CONDITION_CHECK_SECONDS
    assert decided.records == {}
    held = decide(UNTIL, {"w": WAITING, "a": SUCCEEDED}, scan=False, dirty=())
    assert held.records["w"].phase is NodePhase.SUCCEEDED
    over = decide(UNTIL, waiting, now=NOW + 60, scan=False, dirty=())
    assert over.records["w"].message == "nodes.a.phase == 'Succeeded' did not hold"


def test_a_condition_that_cannot_be_computed_fails_with_its_path() -> None:
    broken = graph({"name": "w", "wait": {"until": "vars.none"}})
    record = decide(broken, {"w": WAITING}).records["w"]
    assert (record.phase, record.reason) == (NodePhase.FAILED, Reason.EXPRESSION_ERROR)
    assert record.message.startswith("spec.nodes[0].wait.until: ")
