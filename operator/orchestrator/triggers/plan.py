"""From an event to the execution to create: filter, deduplication, rate limit and name.

The name is a hash of the trigger's uid and the event's identity, so a redelivery after any crash
finds the existing execution. Pure: `controller/triggers/create.py` creates it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import orjson

from orchestrator.engine.expression_budgets import MAX_TRIGGER_WORK
from orchestrator.expressions import ExpressionError, compile_expression, evaluate_boolean, render
from orchestrator.expressions.budget import Account, paid_by
from orchestrator.models.base import parse_duration
from orchestrator.models.labels import DEDUPE, EVENT, MANAGED_BY, MANAGER, TRIGGER, WORKFLOW
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.trigger_type import Event

MAX_DEPTH = 5
"""Maximum length of a chain of triggers, in executions."""
MAX_EVENT_BYTES = 64 * 1024
"""Maximum size of an event that an execution stores, in bytes."""


CreatedExecution = tuple[float, Mapping[str, str]]
"""An execution that a trigger created: creation time in seconds since the epoch, and labels."""


class Outcome(StrEnum):
    """The result of handling an event; the status counts results by these names."""

    FILTERED = "filtered"
    DEDUPLICATED = "deduplicated"
    LIMITED = "limited"
    STARTED = "started"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlannedExecution:
    """The execution to create; `dedupe` is the hash of dedupe.key, empty without one."""

    workflow: str
    variables: Mapping[str, Any]
    trigger: Mapping[str, Any]
    """The part of its spec about the trigger and the event."""
    namespace: str
    labels: Mapping[str, str]
    dedupe: str
    identity: str
    """The input of the name's hash, in addition to the trigger's uid."""

    def counted(self, counter: int) -> PlannedExecution:
        """The same execution with another generation of its dedupe.key, and so another name."""
        return replace(self, identity=f"{self.dedupe}/{counter}")

    def name(self, salt: int = 0) -> str:
        """The name for this salt, which is the same for every delivery of the event."""
        return execution_name(self.trigger["name"], self.trigger["uid"], self.identity, salt)

    @property
    def prefix(self) -> str:
        """The prefix of a name that the API server generates."""
        return f"{_readable(self.name())}-"


@dataclass(frozen=True, slots=True)
class Failed:
    """The event cannot be handled; the message contains the path."""

    message: str


def plan(
    metadata: Mapping[str, Any], spec: TriggerSpec, event: Event
) -> PlannedExecution | Failed | Literal[Outcome.FILTERED]:
    """The execution that the event starts if it is the first with its dedupe.key.

    All its expressions share a budget of work; an event that exceeds it fails.
    """
    if event.depth > MAX_DEPTH:
        return Failed(f"a chain of triggers is cut after {MAX_DEPTH} executions")
    scope = {
        "event": event.data,
        "trigger": {"name": metadata["name"], "namespace": metadata["namespace"]},
    }
    where = "spec.filter"
    try:
        with paid_by(Account(MAX_TRIGGER_WORK)):
            if spec.filter is not None and not evaluate_boolean(spec.filter, scope):
                return Outcome.FILTERED
            where = "spec.payload"
            kept = _payload(spec, scope)
            where = "spec.variables"
            variables = render(spec.variables or {}, scope)
            where = "spec.dedupe.key"
            dedupe = "" if spec.dedupe is None else _dedupe(metadata["uid"], spec.dedupe.key, scope)
    except ExpressionError as error:
        return Failed(f"{where}: {error}")
    labels = {
        MANAGED_BY: MANAGER,
        WORKFLOW: spec.workflow,
        TRIGGER: metadata["uid"],
        EVENT: _hash(metadata["uid"], "event", event.identity),
    }
    if dedupe:
        labels[DEDUPE] = dedupe
    identity = f"{dedupe}/0" if dedupe else event.identity
    trigger = _reference(metadata, event, kept)
    namespace = metadata["namespace"]
    return PlannedExecution(spec.workflow, variables, trigger, namespace, labels, dedupe, identity)


def apply_limits(
    start: PlannedExecution, spec: TriggerSpec, event: Event, made: Sequence[CreatedExecution]
) -> PlannedExecution | Literal[Outcome.DEDUPLICATED, Outcome.LIMITED]:
    """The execution to create after dedupe and rateLimit, given all executions of the trigger.

    Both use the event's own time, so a redelivery has the same result.
    """
    if delivered(made, start):
        return Outcome.DEDUPLICATED
    if spec.dedupe is not None:
        newest = _newest(made, start.dedupe)
        if newest and event.at < newest + parse_duration(spec.dedupe.window):
            return Outcome.DEDUPLICATED
        start = start.counted(int(newest))
    if spec.rate_limit is not None:
        since = event.at - parse_duration(spec.rate_limit.period)
        if sum(moment > since for moment, _ in made) >= spec.rate_limit.limit:
            return Outcome.LIMITED
    return start


def delivered(made: Sequence[CreatedExecution], start: PlannedExecution) -> bool:
    """Whether one of these executions was created for this event, under any name."""
    event = start.labels[EVENT]
    return any(labels.get(EVENT) == event for _, labels in made)


def execution_name(trigger: str, uid: str, identity: str, salt: int = 0) -> str:
    """The name of the execution that this event starts; `salt` is 0 unless that name is taken."""
    salted = (identity, str(salt)) if salt else (identity,)
    return f"{_readable(trigger)}-{_hash(uid, 'event', *salted)}"


def made_by(trigger: Mapping[str, Any], execution: Mapping[str, Any]) -> bool:
    """Whether the Trigger with this metadata created the execution.

    Judged by spec.trigger, which only holders of the verb `trigger` can set; any editor can set a
    label. References of earlier versions have no uid.
    """
    spec = execution["spec"]
    reference = spec.get("trigger") or {}
    if spec.get("parent") or reference.get("name") != trigger["name"]:
        return False  # a sub-execution has its parent's trigger
    return bool(reference.get("uid", trigger["uid"]) == trigger["uid"])


def _newest(made: Sequence[CreatedExecution], dedupe: str) -> float:
    """When the newest execution with the key was created; 0 if there is none."""
    return max((moment for moment, labels in made if labels.get(DEDUPE) == dedupe), default=0.0)


def _readable(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name[:32].lower()).strip("-")


def _reference(
    metadata: Mapping[str, Any], event: Event, kept: Mapping[str, Any]
) -> dict[str, Any]:
    trigger = {
        "type": event.type,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "depth": event.depth,
    }
    if event.requester is not None:
        trigger["requester"] = event.requester
    if kept:
        trigger["event"] = dict(kept)
    return trigger


def _payload(spec: TriggerSpec, scope: Mapping[str, Any]) -> dict[str, Any]:
    kept: Any = dict(scope["event"])
    if spec.payload is not None:
        kept = compile_expression(spec.payload).evaluate(scope)
        if not isinstance(kept, dict):
            raise ExpressionError("must give an object, such as {'id': event.id}")
    if (size := len(orjson.dumps(kept))) > MAX_EVENT_BYTES:
        raise ExpressionError(
            f"the event is {size:,} bytes, and at most {MAX_EVENT_BYTES:,} are stored"
        )
    return dict(kept)


def _dedupe(uid: str, key: str, scope: Mapping[str, Any]) -> str:
    value = compile_expression(key).evaluate(scope)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return _hash(uid, "key", text)


def _hash(*parts: str) -> str:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()
