"""Errors of the user and refusals by the API server, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.kube.errors import ApiError
    from orchestrator.validation.problem import Problem


class UsageError(Exception):
    """A mistake that the user can fix; the message says what is wrong and what would be right."""

    code = 2
    """The exit code."""


class NotFoundError(UsageError):
    """The API server does not have the object or resource."""


class ConflictError(UsageError):
    """The state of an object does not allow the request, at least at the moment."""


class BusyError(UsageError):
    """The user has too many requests that take long at the moment."""


class ForbiddenError(UsageError):
    """The user lacks a right; the message names it and says what grants it."""


class InvalidWorkflowError(UsageError):
    """A Workflow is invalid, so every run of it would fail."""

    code = 1


class ManifestError(UsageError):
    """A manifest is invalid; `problems` are what is wrong with it, with their paths."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ExpiredError(UsageError):
    """The resourceVersion at which a watch starts is too old."""


class UnreachableError(UsageError):
    """The API server does not answer, or stopped answering."""


@contextmanager
def in_options(options: Mapping[str, str] | None = None, *, fix: str = "") -> Iterator[None]:
    """Raises the errors of operations as UsageErrors.

    A field is named by the option that sets it; `fix` replaces the error's own proposal.
    """
    from orchestrator.operations.errors import Cause, CommandError

    try:
        yield
    except CommandError as error:
        named = (
            f"{name}: " for path, name in (options or {}).items() if error.path.startswith(path)
        )
        words = next(named, "") + error.words
        if error.fix:
            words += f"; {fix or error.fix}"
        invalid = error.cause is Cause.INVALID_WORKFLOW
        raise (InvalidWorkflowError if invalid else UsageError)(words) from error


def in_words(error: ApiError, *, namespace: str = "", sent: object = None) -> UsageError:
    """The error for a refused request, in the API server's own words if it gives any.

    `namespace` and `sent` are the request's; they determine which right it requires.
    """
    from http import HTTPStatus

    from orchestrator.kube.errors import NO_STATUS

    message = "" if error.reason == NO_STATUS else error.message
    message = message or f"{error.status} {HTTPStatus(error.status).phrase}"
    if message.startswith("failed to create typed patch object"):
        return UsageError(message)  # Kubernetes 1.35 answers this with 500
    match error.status:
        case 404:
            return NotFoundError(message)
        case 410:
            return ExpiredError(message)
        case 401:
            return UsageError(
                f"the API server rejected your credentials: {message}; a token may have expired:"
                " get a new one"
            )
        case 403:
            from orchestrator.session.rights import explain_refusal

            return ForbiddenError(explain_refusal(message, namespace, sent))
        case 429 | 500 | 502 | 503 | 504:
            return UnreachableError(f"the API server failed: {message}")
    return UsageError(message)
