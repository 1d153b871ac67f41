"""What an execution that waits for a slot reports, and what it asks of the one it replaces."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.concurrency.slots import Claim, Holder
from orchestrator.engine.status.records import clip
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.reasons import Reason


def queued(claim: Claim) -> str:
    """Why an execution waits."""
    return f"{claim.words}; queued"


def queued_until_replaced(claim: Claim, holder: Holder) -> str:
    """Why an execution waits that replaces another one."""
    return f"{claim.words}; queued until {holder.name} is replaced"


def replacement(claim: Claim, now: float) -> dict[str, Any]:
    """The request to end for whoever holds the slot, in the form of `status.cancelRequested`."""
    return {
        "at": to_rfc3339(now),
        "reason": Reason.REPLACED,
        "message": clip(f"{claim.name} replaces it: {claim.words}"),
    }
