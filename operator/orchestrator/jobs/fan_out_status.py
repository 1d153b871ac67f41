"""The state of a fan-out, from its Indexed Job and Pods.

A Job with any failed index ends Failed, even within maxFailedIndexes: the indexes are decisive, not
the condition. The success of an item's action counts at once; the Job reports it seconds later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import format_ranges, parse_ranges
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.jobs.context import INDEX
from orchestrator.jobs.evidence import has_ended, has_succeeded, terminated
from orchestrator.jobs.observe import completed, created_at, exit_words, failure
from orchestrator.jobs.outputs import OutputsProblem, read_outputs
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec

Raw = Mapping[str, Any]
MAX_GATHERED = 32 * 1024
"""Maximum bytes of all gathered outputs together."""


def index_of(pod: Raw) -> int | None:
    """The item that a pod works on."""
    metadata = pod["metadata"]
    text = (metadata.get("labels") or {}).get(INDEX) or (metadata.get("annotations") or {}).get(
        INDEX, ""
    )
    return int(text) if text.isdecimal() and len(text) < 10 else None


def counted(job: Raw | None) -> tuple[set[int], set[int]]:
    """The items that the Job counts as succeeded and as failed."""
    status = (job or {}).get("status") or {}
    done = parse_ranges(status.get("completedIndexes") or "")
    return done, parse_ranges(status.get("failedIndexes") or "")


def observe_fan_out(
    items: int, max_failed: int, job: Raw | None, succeeded: Collection[int], name: str
) -> Attempt:
    """The state of a fan-out without its gathered outputs; `succeeded` are the items with a pod
    whose action succeeded."""
    done, failed = counted(job)
    done |= set(succeeded)
    failed -= done
    seen = Attempt(
        AttemptState.PENDING,
        finished_at=_ended(job),
        job=name,
        completed=format_ranges(done),
        failed=format_ranges(failed),
    )
    verdict = failure(job)
    if len(done) + len(failed) >= items and len(failed) <= max_failed:
        return replace(seen, state=AttemptState.SUCCEEDED)
    if verdict is None and not completed(job):
        begun = bool(done or ((job or {}).get("status") or {}).get("ready"))
        state = AttemptState.RUNNING if begun else AttemptState.PENDING
        words = f"{len(done)} of {items} items" + (f", {len(failed)} failed" if failed else "")
        seen = replace(seen, made_at=created_at(job), finished_at=None)
        return replace(seen, state=state, message=words if begun else "")
    if (verdict or {}).get("reason") == "DeadlineExceeded":
        words = f"{len(done)} of {items} items succeeded before the fan-out timed out"
        timed_out = AttemptState.TIMED_OUT
        return replace(seen, state=timed_out, reason=Reason.TIMED_OUT, message=words)
    words = f"{len(failed)} of {items} items failed, {max_failed} may"
    if not failed:
        words = f"{(verdict or {}).get('message', 'the Job failed')}"
    return replace(seen, state=AttemptState.FAILED, reason=Reason.ITEMS_FAILED, message=words)


def why_failed(attempt: Attempt, pods: Iterable[Raw]) -> str:
    """The message of a failed fan-out, with that of its first failed item if its pod exists."""
    failed = parse_ranges(attempt.failed)
    found = {
        index: pod
        for pod in pods
        if (index := index_of(pod)) in failed and has_ended(pod) and not has_succeeded(pod)
    }
    if not found:
        return attempt.message
    first = min(found)
    return f"{attempt.message}; item {first}: {exit_words(found[first])}"


def gather(
    template: TemplateSpec,
    names: Sequence[str],
    items: int,
    attempt: Attempt,
    pods: Iterable[Raw],
) -> Mapping[str, list[Any]] | OutputsProblem:
    """The named outputs of all items in order, null for failed items."""
    done = parse_ranges(attempt.completed)
    messages = {
        index: terminated(pod).get("message") or ""
        for pod in pods
        if has_succeeded(pod) and (index := index_of(pod)) is not None
    }
    lists: dict[str, list[Any]] = {name: [None] * items for name in names}
    for index in sorted(done):
        if index not in messages:
            message = f"item {index} succeeded, but its pod was removed before its outputs were"
            return OutputsProblem(Reason.OUTPUTS_LOST, f"{message} gathered")
        outputs = read_outputs(template, messages[index])
        if isinstance(outputs, OutputsProblem):
            return OutputsProblem(outputs.reason, f"item {index}: {outputs.message}")
        for name in names:
            lists[name][index] = outputs.get(name)
    size = len(orjson.dumps(lists))
    if size > MAX_GATHERED:
        message = f"the gathered outputs are {size:,} bytes together; at most {MAX_GATHERED:,}"
        return OutputsProblem(Reason.OUTPUTS_TOO_LARGE, message)
    return lists


def _ended(job: Raw | None) -> float | None:
    status = (job or {}).get("status") or {}
    verdict = failure(job) or {}
    text = status.get("completionTime") or verdict.get("lastTransitionTime")
    return optional_from_rfc3339(text)
