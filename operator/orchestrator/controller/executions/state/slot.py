"""The slot that an execution holds against a concurrency limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.concurrency.slots import Claim, claim_of
from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.status.records import Run


@dataclass(slots=True)
class HeldSlot:
    """Which slot is released at the end, and whether it was."""

    _claim: Claim | Refusal | None = None
    """The claim of its admission, if this process admitted it."""
    _released: bool = False

    def acquired(self, claim: Claim) -> None:
        """Record that this process admitted the execution with this claim."""
        self._claim = claim

    def to_release(self, graph: Graph, run: Run, manifest: Mapping[str, Any]) -> Claim | None:
        """The claim to release; None if there is none (left)."""
        claim = self._claim
        if claim is None:  # admitted by an earlier process
            claim = claim_of(graph, run, manifest)
        return claim if isinstance(claim, Claim) and not self._released else None

    def released(self) -> None:
        """Record that the slot was released."""
        self._released = True
