"""The chain of triggers behind a change: executions hand it down, also by the objects they write.

An action writes it into an annotation of the object, so that a Trigger on the object's changes
continues the chain instead of beginning a new one, and a loop is cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.models.labels import CHAIN

VALID_SECONDS = 3600.0
"""Seconds for which changes of an object count as caused by the action that wrote the annotation:
later, people and other controllers have changed it."""
_FORM = re.compile(r"(\d{1,2})/([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)/(\S{1,40})")


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain that an execution belongs to."""

    depth: int
    """How many executions precede it."""
    root: str
    """Uid of the first execution."""

    def annotation(self, at: str) -> dict[str, str]:
        """The annotation of an object that the execution writes at a time (RFC 3339)."""
        return {CHAIN: f"{self.depth}/{self.root}/{at}"}


NO_CHAIN = Chain(-1, "")
"""What is before a chain: nothing precedes its first execution."""


def chain_of(annotations: Mapping[str, str] | None, at: float) -> Chain:
    """The chain behind a change of an object, at a time in seconds since the epoch."""
    found = _FORM.fullmatch((annotations or {}).get(CHAIN, ""))
    if found is None:
        return NO_CHAIN
    try:
        written = datetime.fromisoformat(found[3]).timestamp()
    except ValueError:
        return NO_CHAIN
    if abs(at - written) > VALID_SECONDS:
        return NO_CHAIN
    return Chain(int(found[1]), found[2])
