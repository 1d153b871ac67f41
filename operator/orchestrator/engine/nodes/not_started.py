"""Why an attempt never started: the cause stays the reason and message of its end."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import in_words
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason

HOLD_UPS = frozenset(
    {
        Reason.IMAGE_PULL,
        Reason.UNSCHEDULABLE,
        Reason.QUOTA_EXCEEDED,
        Reason.SERVICE_ACCOUNT_MISSING,
        Reason.INJECTED_CONTAINER,
        Reason.CONTAINER_CANNOT_START,
        Reason.SECRET_MISSING,
        Reason.POD_REFUSED,
    }
)
"""Causes that keep an attempt from starting: the reason of a node that is Pending meanwhile, and of
its end if the cause lasts for `startTimeout`."""
_CONSEQUENCES = (Reason.NEVER_STARTED, Reason.TIMED_OUT, Reason.ITEMS_FAILED)
"""Ends of an attempt, or of all items of a fan-out, that cannot start."""


def not_started(seconds: float) -> Attempt:
    """The end of an attempt that has not started after so many seconds.

    It names no Job, since it rests on the clock and not on repeatable evidence.
    """
    message = f"did not start within {in_words(seconds)}"
    return Attempt(AttemptState.FAILED, Reason.NEVER_STARTED, message)


def with_cause(record: Record, attempt: Attempt) -> Attempt:
    """The end of an attempt with the recorded cause, if it never started.

    When a pod ends, the kubelet drops what it was waiting for. An attempt recorded as running did
    start, whatever its pod still shows.
    """
    if attempt.reason not in _CONSEQUENCES or attempt.started_at is not None:
        return attempt
    if record.phase is NodePhase.RUNNING:
        if attempt.reason != Reason.NEVER_STARTED:
            return attempt
        message = "ran longer than the node's timeout"
        return replace(
            attempt, state=AttemptState.TIMED_OUT, reason=Reason.TIMED_OUT, message=message
        )
    if record.reason not in HOLD_UPS:
        return attempt
    message = f"{record.message} ({attempt.message})"
    return replace(attempt, state=AttemptState.FAILED, reason=record.reason, message=message)


def is_held_up(attempt: Attempt) -> bool:
    """Whether neither a Job nor a sub-execution of the attempt can be created at the moment."""
    made = attempt.job or attempt.execution
    return attempt.state is AttemptState.PENDING and attempt.reason in HOLD_UPS and not made


def given_up(attempt: Attempt, seconds: float) -> Attempt:
    """The end of an attempt that was held up for so many seconds."""
    message = f"{attempt.message} (did not start within {in_words(seconds)})"
    return replace(attempt, state=AttemptState.FAILED, message=message)


def lasting_cause(record: Record, attempt: Attempt) -> tuple[str, str]:
    """Reason and message of an attempt that has not started: the cause is kept until it starts, or
    until there is another cause.

    A stopped pod is deleted before its Job reports why, and its cause with it.
    """
    same_job = bool(attempt.job) and attempt.job == record.job
    unknown = attempt.reason in ("", Reason.JOB_CREATED)
    if unknown and same_job and record.reason in HOLD_UPS:
        return record.reason, record.message
    return attempt.reason or Reason.JOB_CREATED, attempt.message
