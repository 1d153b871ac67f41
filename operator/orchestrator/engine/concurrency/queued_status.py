"""The status of an execution that is queued for a slot, and its request to the one it replaces."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.concurrency.slots import Claim, Holder
from orchestrator.engine.status.records import clip
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.reasons import Reason


def queued(claim: Claim) -> str:
    """Why an execution is queued."""
    return f"{claim.words}; queued"


def queued_until_replaced(claim: Claim, holder: Holder) -> str:
    """Why an execution is queued that replaces another one."""
    return f"{claim.words}; queued until {holder.name} is replaced"


def replacement(claim: Claim, now: float) -> dict[str, Any]:
    """The request that cancels the slot's holder, in the form of `status.cancelRequested`."""
    return {
        "at": to_rfc3339(now),
        "reason": Reason.REPLACED,
        "message": clip(f"{claim.name} replaces it: {claim.words}"),
    }
