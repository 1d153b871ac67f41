"""Decides who has a slot: a limit for each group (or workflow) and key, in the order of the queue.

What is admitted is listed in one object per group and key, written with its resourceVersion; here
is only what follows from it. No execution overtakes the head of the queue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.scope import workflow_scope
from orchestrator.engine.status.records import Run
from orchestrator.expressions import ExpressionError, compile_expression
from orchestrator.models.base import is_object_name
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import ConcurrencyPolicy

Order = tuple[int, str, str]
"""Place in a queue: priority (negated), creation time, uid."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an execution asks for before it runs."""

    slots: str
    """Name of the object that lists who is admitted."""
    group: str
    key: str
    limit: int
    policy: ConcurrencyPolicy
    order: Order
    name: str
    uid: str

    def covers(self, workflow: str) -> bool:
        """Whether executions of the workflow may hold these slots; a group says not of which."""
        return self.group == f"workflow {workflow}" or self.group.startswith("group ")

    @property
    def words(self) -> str:
        """What is limited, for people."""
        key = f" with key {self.key}" if self.key else ""
        return f"concurrency limit {self.limit} of {self.group}{key} reached"


@dataclass(frozen=True, slots=True)
class Holder:
    """An admitted execution."""

    uid: str
    name: str


class SlotDecision(StrEnum):
    """What a claim comes to."""

    HELD = "Held"
    """It was admitted before."""
    ADMIT = "Admit"
    WAIT = "Wait"
    FORBID = "Forbid"
    REPLACE = "Replace"
    """The oldest holder is to be cancelled; then it waits."""


def claim_of(graph: Graph, run: Run, raw: Mapping[str, Any]) -> Claim | Refusal | None:
    """What the execution claims; None where there is no limit. `raw` is its manifest."""
    rules = graph.spec.concurrency
    if rules is None or rules.limit is None:
        return None
    key = ""
    if rules.key is not None:
        try:
            value = compile_expression(rules.key).evaluate(workflow_scope(run, {}, ()))
        except ExpressionError as error:
            message = f"spec.concurrency.key: {error}"
            return Refusal(error.reason, message)
        key = value if isinstance(value, str) else orjson.dumps(value).decode()
    group = f"group {rules.group}" if rules.group else f"workflow {run.workflow}"
    digest = hashlib.blake2b(f"{group}\0{key}".encode(), digest_size=16).hexdigest()
    metadata = raw["metadata"]
    order = (-graph.spec.priority, metadata["creationTimestamp"], metadata["uid"])
    return Claim(
        slots=f"slots-{digest}",
        group=group,
        key=key[:256],
        limit=rules.limit,
        policy=rules.policy,
        order=order,
        name=run.name,
        uid=run.uid,
    )


def judge(claim: Claim, holders: Sequence[Holder], *, ahead: int) -> SlotDecision:
    """What the claim comes to with these holders, and so many ahead of it in the queue.

    Whoever is ahead is about to take a slot: what is forbidden to wait waits only for that.
    """
    if any(holder.uid == claim.uid for holder in holders):
        return SlotDecision.HELD
    if not ahead and len(holders) < claim.limit:
        return SlotDecision.ADMIT
    if claim.policy is ConcurrencyPolicy.FORBID and len(holders) + ahead >= claim.limit:
        return SlotDecision.FORBID
    if claim.policy is ConcurrencyPolicy.REPLACE and not ahead:
        return SlotDecision.REPLACE
    return SlotDecision.WAIT


def forbidden(claim: Claim) -> Refusal:
    """The end of an execution that may not wait."""
    message = f"{claim.words}, and the policy is Forbid"
    return Refusal(Reason.CONCURRENCY_FORBIDDEN, message, ExecutionPhase.CANCELLED)


def held_by_ancestor(claim: Claim, ancestor: str) -> Refusal:
    """The end of a sub-execution that would wait for its own parent."""
    message = f"{claim.words}, and its parent {ancestor} holds a slot: it would wait for ever"
    return Refusal(Reason.CONCURRENCY_HELD_BY_ANCESTOR, message)


def holders_from(raw: Mapping[str, Any] | None) -> list[Holder]:
    """Who is admitted, in the order of admission, by the object's data.

    An entry that was edited into it and names no execution holds no slot, and one execution holds
    one: each is asked for by a live read.
    """
    text = ((raw or {}).get("data") or {}).get("admitted") or "[]"
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    holders = {
        item["uid"]: Holder(item["uid"], item["name"])
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict) and is_object_name(item.get("name")) and _uid(item)
    }
    return list(holders.values())


def _uid(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("uid"), str) and bool(item["uid"])


def holders_to(holders: Sequence[Holder]) -> dict[str, str]:
    """The object's data."""
    items = [{"uid": holder.uid, "name": holder.name} for holder in holders]
    return {"admitted": orjson.dumps(items).decode()}
