"""The trace of an execution, as W3C Trace Context names it: ids that follow from its uid.

All that compute them get the same ones: the operator for the environment of a Job, the recorder
for the spans that it exports, and each of them again after a restart.
https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from orchestrator.models.labels import TRACEPARENT

_FORMAT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_VERSION = "00"
_INVALID_VERSION = "ff"
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True)
class SpanContext:
    """A span of a trace, as `traceparent` refers to it; ids are lower-case hexadecimal."""

    trace_id: str
    span_id: str
    sampled: bool = True
    """Whether the spans of the trace are recorded."""

    def __str__(self) -> str:
        """The value of `traceparent`."""
        return f"{_VERSION}-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


@dataclass(frozen=True, slots=True)
class ExecutionTrace:
    """The trace that an execution belongs to, and its own span in it."""

    uid: str
    """Uid of the execution."""
    span: SpanContext
    """The span of the execution."""
    parent: SpanContext | None = None
    """The span that started the execution, in the same trace."""

    def node(self, name: str) -> SpanContext:
        """The span of a node: one for all of its attempts, iterations and items."""
        return SpanContext(self.span.trace_id, _span_id(self.uid, name), self.span.sampled)


def execution_trace(metadata: Mapping[str, Any]) -> ExecutionTrace:
    """The trace of the execution with this metadata.

    It continues the trace in the annotation `traceparent`, if that is valid; otherwise it begins a
    trace, whose id is the uid without its hyphens.
    """
    uid = metadata["uid"]
    annotations = metadata.get("annotations") or {}
    parent = parse_traceparent(annotations.get(TRACEPARENT) or "")
    if parent is None:
        return ExecutionTrace(uid, SpanContext(_trace_id(uid), _span_id(uid)))
    return ExecutionTrace(uid, SpanContext(parent.trace_id, _span_id(uid), parent.sampled), parent)


def parse_traceparent(text: str) -> SpanContext | None:
    """The span that a `traceparent` refers to; None if the text is not a valid one."""
    match = _FORMAT.fullmatch(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == _INVALID_VERSION or (version == _VERSION and rest):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return SpanContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def _trace_id(uid: str) -> str:
    try:
        return UUID(uid).hex
    except ValueError:  # the API server makes UUIDs, others need not
        return hashlib.sha256(uid.encode()).hexdigest()[:32]


def _span_id(uid: str, node: str = "") -> str:
    return hashlib.sha256(f"{uid}/{node}".encode()).hexdigest()[:16]
