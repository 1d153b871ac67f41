"""Errors of the API server."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

_STARTING = re.compile(r'User ".*" cannot |not yet ready to handle request')
"""Messages of the authorizer and of admission, both of which refuse before they have read their
data (https://github.com/kubernetes/apiserver: responsewriters.Forbidden, admission/initializer)."""


NO_ANSWER = "NoAnswer"
"""The reason of an error without an answer, whose status is 0."""
NO_STATUS = "NoStatus"
"""The reason of an answer that is not a Status object, such as a proxy's page."""


REASONS = frozenset(
    {
        "AlreadyExists", "BadRequest", "Conflict", "Expired", "Forbidden", "Gone", "InternalError",
        "Invalid", "MethodNotAllowed", "NotAcceptable", "NotFound", "RequestEntityTooLarge",
        "ServerTimeout", "ServiceUnavailable", "StoreReadError", "Timeout", "TooManyRequests",
        "Unauthorized", "Unknown", "UnsupportedMediaType", NO_ANSWER, NO_STATUS,
    }
)  # fmt: skip
"""The API server's own reasons (metav1.StatusReason), and ours. Admission webhooks of others may
return any."""


class ApiError(Exception):
    """An answer that is not 2xx, or no answer.

    `retry_after` is the wait that the server requested, in seconds.
    """

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether a later retry may help."""
        return self.unready or self.status in (0, 429) or self.status >= 500

    @property
    def refuses(self) -> bool:
        """Whether it is a refusal: a missing right, a quota, or a policy or webhook of others.

        If it may only be `unready`, it has already been retried for half a minute.
        """
        return self.status in (400, 403, 422)

    @property
    def unready(self) -> bool:
        """Whether the API server may be starting: it refuses everything until it has read the
        roles.

        A missing role gives the same answer permanently.
        """
        return self.status == 403 and _STARTING.search(self.message) is not None


def error_from(status: int, headers: Mapping[str, str], payload: bytes) -> ApiError:
    """The error for an answer, or for the Status in a watch's ERROR event."""
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        text = payload[:500].decode(errors="replace").strip()
        return ApiError(status, NO_STATUS, text or "an empty answer", _seconds(headers))
    details = answer.get("details") or {}
    retry_after = _seconds(headers)
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    return ApiError(
        status,
        answer.get("reason") or "Unknown",
        answer.get("message") or answer.get("detail") or "",  # problem details, of our REST API
        retry_after,
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def cause_of(error: BaseException) -> str:
    """Why there is no answer: the innermost error, without the wording of urllib3 and OpenSSL."""
    import http.client  # an import that actions do not need for their start

    error = innermost(error)
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
        return "the response is not HTTP"
    text = re.sub(r"^\[SSL: \w+\] | \(_ssl\.c:\d+\)$", "", str(error))
    return text.rpartition(">: ")[2].rpartition("): ")[2][:200] or type(error).__name__


def innermost(error: BaseException) -> BaseException:
    """The error that others wrap, as requests and urllib3 do."""
    while isinstance(inner := _inner(error), BaseException):
        error = inner
    return error


def _inner(error: BaseException) -> object:
    reason = getattr(error, "reason", None)
    return reason or next((each for each in error.args if isinstance(each, BaseException)), None)
