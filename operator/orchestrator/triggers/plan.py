"""From an event to the execution to create: filter, deduplication, rate limit and name.

The name is a hash of the trigger's uid and the event's identity, so a redelivery after any crash
finds the existing execution. Pure: `dispatch/creator.py` creates it.
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
from orchestrator.engine.times import to_rfc3339
from orchestrator.expressions import ExpressionError, compile_expression, evaluate_boolean, render
from orchestrator.expressions.budget import Account, paid_by
from orchestrator.models.base import parse_duration
from orchestrator.models.labels import (
    DEDUPE,
    EVENT,
    MANAGED_BY,
    MANAGER,
    NOT_BEFORE,
    ROOT,
    TRIGGER,
    WORKFLOW,
)
from orchestrator.models.trigger import RateLimit, TriggerSpec
from orchestrator.triggers.limits import CreatedExecution, Made, rate_limit_of, start_of
from orchestrator.triggers.sources import Event

MAX_DEPTH = 5
"""Maximum length of a chain of triggers, in executions."""
MAX_EVENT_BYTES = 64 * 1024
"""Maximum size of an event that an execution stores, in bytes."""


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

    def delayed(self, until: float, rate: RateLimit | None) -> PlannedExecution:
        """The same execution, queued by the rateLimit until a time in whole seconds."""
        reference = {**self.trigger, "notBefore": to_rfc3339(until)}
        if rate is not None:
            reference["overLimit"] = rate.policy.value
        labels = {**self.labels, NOT_BEFORE: f"{until:.0f}"}
        return replace(self, trigger=reference, labels=labels)

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
            dedupe = _dedupe(metadata["uid"], spec, event, scope)
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
    if event.root:
        labels[ROOT] = event.root
    identity = f"{dedupe}/0" if dedupe else event.identity
    trigger = _reference(metadata, event, kept)
    namespace = metadata["namespace"]
    return PlannedExecution(spec.workflow, variables, trigger, namespace, labels, dedupe, identity)


def apply_limits(
    start: PlannedExecution, spec: TriggerSpec, event: Event, made: Made, now: float
) -> PlannedExecution | Literal[Outcome.DEDUPLICATED, Outcome.LIMITED]:
    """The execution to create now after dedupe, cooldown and rateLimit."""
    twins = made.twins(start.labels)
    if delivered(twins, start):
        return Outcome.DEDUPLICATED
    if start.dedupe:
        newest = _newest(twins, start.dedupe)
        if newest and event.at < newest + _window(spec, event):
            return Outcome.DEDUPLICATED
        start = start.counted(int(newest))
    at = start_of(spec, event, made, now)
    if at is None:
        return Outcome.LIMITED
    return start if at <= now else start.delayed(at, rate_limit_of(spec, event))


def delivered(made: Sequence[CreatedExecution], start: PlannedExecution) -> bool:
    """Whether one of these executions was created for this event, under any name."""
    event = start.labels[EVENT]
    return any(each.labels.get(EVENT) == event for each in made)


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
    times = (each.created_at for each in made if each.labels.get(DEDUPE) == dedupe)
    return max(times, default=0.0)


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
    if event.root:
        trigger["root"] = event.root
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
    try:
        size = len(orjson.dumps(kept))
    except TypeError as error:
        raise ExpressionError(f"the event cannot be stored: {error}") from error
    if size > MAX_EVENT_BYTES:
        raise ExpressionError(
            f"the event is {size:,} bytes, and at most {MAX_EVENT_BYTES:,} are stored"
        )
    return dict(kept)


def _window(spec: TriggerSpec, event: Event) -> float:
    return event.window if spec.dedupe is None else parse_duration(spec.dedupe.window)


def _dedupe(uid: str, spec: TriggerSpec, event: Event, scope: Mapping[str, Any]) -> str:
    """The hash of the Trigger's dedupe.key, or of that of the event's type; empty without one."""
    if spec.dedupe is None:
        return _hash(uid, "key", event.key) if event.key else ""
    value = compile_expression(spec.dedupe.key).evaluate(scope)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return _hash(uid, "key", text)


def _hash(*parts: str) -> str:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()
