"""Durations are positive, within bounds, and whole seconds where Kubernetes requires it."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.models import messages
from orchestrator.models.base import parse_duration
from orchestrator.models.workflow import Retry
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject

MAX_SECONDS = 366 * 24 * 3600
"""A year: far below the maximum of Kubernetes' 32-bit deadlines."""


def durations(subject: Subject) -> Iterator[Problem]:
    """Every duration is longer than zero and at most a year."""
    for path, text in _durations(subject):
        if text is not None:
            yield from positive(path, text)


def whole_seconds(subject: Subject) -> Iterator[Problem]:
    """The timeout of an action is in whole seconds, as the deadline of its pod must be."""
    defaults = subject.spec.defaults
    timeouts = [("spec.defaults.timeout", defaults.timeout if defaults else None)]
    for path, node in subject.nodes():
        if node.action is not None:
            timeouts.append((join(path, "timeout"), node.timeout))
    for path, text in timeouts:
        if text is not None and not parse_duration(text).is_integer():
            yield Problem(path, messages.whole_seconds().of(text))


def backoffs(subject: Subject) -> Iterator[Problem]:
    """The initial backoff is at most the maximum."""
    for path, retry in _retries(subject):
        backoff = retry.backoff
        if backoff is None or backoff.initial is None or backoff.max is None:
            continue
        if parse_duration(backoff.initial) > parse_duration(backoff.max):
            message = f"{backoff.initial} is longer than max, {backoff.max}"
            yield Problem(join(path, "backoff", "initial"), message)


def positive(path: str, text: str) -> Iterator[Problem]:
    """The duration is longer than zero and at most a year."""
    seconds = parse_duration(text)
    if seconds <= 0:
        yield Problem(path, messages.not_zero().of(text))
    elif seconds > MAX_SECONDS:
        yield Problem(path, f"{text!r} is longer than a year")


def _durations(subject: Subject) -> Iterator[tuple[str, str | None]]:
    spec = subject.spec
    yield "spec.timeout", spec.timeout
    yield "spec.finallyTimeout", spec.finally_timeout
    yield "spec.defaults.timeout", spec.defaults.timeout if spec.defaults else None
    yield "spec.defaults.startTimeout", spec.defaults.start_timeout if spec.defaults else None
    yield "spec.history.keepJobs", spec.history.keep_jobs if spec.history else None
    for path, node in subject.nodes():
        yield join(path, "delay"), node.delay
        yield join(path, "timeout"), node.timeout
        yield join(path, "startTimeout"), node.start_timeout
        yield join(path, "forEach", "timeout"), node.for_each.timeout if node.for_each else None
        yield join(path, "repeat", "delay"), node.repeat.delay if node.repeat else None
    for path, retry in _retries(subject):
        yield join(path, "backoff", "initial"), retry.backoff.initial if retry.backoff else None
        yield join(path, "backoff", "max"), retry.backoff.max if retry.backoff else None


def _retries(subject: Subject) -> Iterator[tuple[str, Retry]]:
    defaults = subject.spec.defaults
    if defaults is not None and defaults.retry is not None:
        yield "spec.defaults.retry", defaults.retry
    for path, node in subject.nodes():
        if node.retry is not None:
            yield join(path, "retry"), node.retry
