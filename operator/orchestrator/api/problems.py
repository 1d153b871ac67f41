"""Errors as problem details: https://www.rfc-editor.org/rfc/rfc9457.

Messages are those of the command line, which name the right that a caller lacks and what grants it;
other refusals by the API server are in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from orchestrator.kube.errors import NO_STATUS, ApiError
from orchestrator.operations.errors import Cause, CommandError
from orchestrator.session.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    ManifestError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from orchestrator.validation.problem import Problem

MEDIA_TYPE = "application/problem+json"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="kubernetes"'}
"""What a request without a valid token is answered with."""
MAX_ERRORS = 500
"""Problems that an answer lists; a body of a megabyte can have a hundred thousand."""
_PASSED_ON = (400, 401, 403, 404, 409, 410, 413, 422, 429)
"""Statuses of the API server that concern the caller's request."""
_STATUSES: tuple[tuple[type[UsageError], int], ...] = (
    (NotFoundError, 404),
    (ForbiddenError, 403),
    (ConflictError, 409),
    (BusyError, 429),
    (UnreachableError, 503),
)


class ProblemError(Exception):
    """A request that is refused, with the status of the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def answer(self) -> Response:
        """The answer to the request."""
        headers = dict(self.headers)
        return Response(orjson.dumps(self.body()), self.status, headers, MEDIA_TYPE)

    def body(self) -> dict[str, Any]:
        """The problem as JSON."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": _encodable(self.detail),
        }
        if self.errors:
            body["errors"] = [
                {"path": _encodable(one.path), "message": _encodable(one.message)}
                for one in self.errors[:MAX_ERRORS]
            ]
        return body


def of_usage(error: UsageError) -> ProblemError:
    """The answer to a request that cannot be carried out."""
    cause = error.__cause__
    if isinstance(error, ManifestError):
        return ProblemError(422, "the manifest is invalid", error.problems)
    if isinstance(cause, CommandError):
        return _of_command(cause, str(error))
    if isinstance(cause, ApiError) and not isinstance(error, ForbiddenError):
        return of_api(cause)
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 422)
    headers = {"Retry-After": "1"} if status == 429 else {}
    return ProblemError(status, str(error), headers=headers)


_UNAUTHENTICATED = "the token is not valid, or has expired; send a new one"


def of_command(error: CommandError) -> ProblemError:
    """The answer to a request that an operation refuses."""
    words = f"{error.words}; {error.fix}" if error.fix else error.words
    return _of_command(error, words)


def _of_command(error: CommandError, detail: str) -> ProblemError:
    status = 409 if error.cause is Cause.CONFLICT else 422
    return ProblemError(status, detail, error.problems)


def of_api(error: ApiError) -> ProblemError:
    """The answer to a request that the API server refused, or did not answer."""
    message = "" if error.reason == NO_STATUS else error.message
    if error.status == 401:
        detail = message if message and message != "Unauthorized" else _UNAUTHENTICATED
        return ProblemError(401, detail, headers=CHALLENGE)
    if message.startswith("failed to create typed patch object"):
        return ProblemError(422, message)
    if error.status in _PASSED_ON:
        headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:.0f}"}
        detail = message or HTTPStatus(error.status).phrase
        return ProblemError(error.status, detail, headers=headers)
    why = f": {message}" if message else ""
    return ProblemError(503, f"the API server does not answer{why}", headers={"Retry-After": "5"})


def unread_history(absent: UsageError, why: str) -> ProblemError:
    """The answer where the cluster does not have what was asked for, and the history might."""
    detail = f"{absent}; the history may have it, but cannot be read: {why}"
    return ProblemError(503, detail, headers={"Retry-After": "5"})


def _encodable(text: str) -> str:
    """The text without lone surrogates, which cannot be encoded."""
    return text.encode("utf-8", "replace").decode()
