"""Decides who has a slot: a limit for each group (or workflow) and key, in the order of the queue.

Admitted executions are listed in one object per group and key, which is written with its
resourceVersion; this module only decides. No execution overtakes the head of the queue.
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
    """The slot that an execution requests before it runs."""

    slots: str
    """Name of the object that lists the holders."""
    group: str
    key: str
    limit: int
    policy: ConcurrencyPolicy
    order: Order
    name: str
    uid: str

    def covers(self, workflow: str) -> bool:
        """Whether executions of the workflow may hold these slots. A group may span any
        workflows."""
        return self.group == f"workflow {workflow}" or self.group.startswith("group ")

    @property
    def words(self) -> str:
        """The limit in words."""
        key = f" with key {self.key}" if self.key else ""
        return f"concurrency limit {self.limit} of {self.group}{key} reached"


@dataclass(frozen=True, slots=True)
class Holder:
    """An admitted execution."""

    uid: str
    name: str


class SlotDecision(StrEnum):
    """The decision on a claim."""

    HELD = "Held"
    """It was admitted before."""
    ADMIT = "Admit"
    WAIT = "Wait"
    FORBID = "Forbid"
    REPLACE = "Replace"
    """Cancel the oldest holder, then wait."""


def claim_of(graph: Graph, run: Run, raw: Mapping[str, Any]) -> Claim | Refusal | None:
    """What the execution claims; None if there is no limit. `raw` is its manifest."""
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
    """The decision on the claim with these holders and so many claims ahead in the queue.

    Under policy Forbid, an execution waits only for those ahead, which are about to take free
    slots.
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
    """Ends an execution that may not wait."""
    message = f"{claim.words}, and the policy is Forbid"
    return Refusal(Reason.CONCURRENCY_FORBIDDEN, message, ExecutionPhase.CANCELLED)


def held_by_ancestor(claim: Claim, ancestor: str) -> Refusal:
    """Ends a sub-execution that would wait for its own parent."""
    message = f"{claim.words}, and its parent {ancestor} holds a slot: it would wait indefinitely"
    return Refusal(Reason.CONCURRENCY_HELD_BY_ANCESTOR, message)


def holders_from(raw: Mapping[str, Any] | None) -> list[Holder]:
    """The holders in the object's data, in the order of admission.

    An entry that was added by hand and names no execution holds no slot, and one execution holds
    one slot: each is verified by a live read.
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
