"""What the API server answers when it does not do what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

_STARTING = re.compile(r'User ".*" cannot |not yet ready to handle request')
"""The authorizer's words and those of admission, both refusing before they have read what is there
(https://github.com/kubernetes/apiserver: responsewriters.Forbidden, admission/initializer)."""


NO_ANSWER = "NoAnswer"
"""The reason of an error without an answer, whose status is 0."""
NO_STATUS = "NoStatus"
"""The reason of an answer that is no Status object, such as a proxy's page."""


REASONS = frozenset(
    {
        "AlreadyExists", "BadRequest", "Conflict", "Expired", "Forbidden", "Gone", "InternalError",
        "Invalid", "MethodNotAllowed", "NotAcceptable", "NotFound", "RequestEntityTooLarge",
        "ServerTimeout", "ServiceUnavailable", "StoreReadError", "Timeout", "TooManyRequests",
        "Unauthorized", "Unknown", "UnsupportedMediaType", NO_ANSWER, NO_STATUS,
    }
)  # fmt: skip
"""The reasons that the API server itself gives (metav1.StatusReason), and ours. Admission webhooks
of others may give any."""


class ApiError(Exception):
    """An answer that is not 2xx, or none at all.

    `retry_after` is what the server asked us to wait, in seconds.
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
        """Whether asking again later may help."""
        return self.unready or self.status in (0, 429) or self.status >= 500

    @property
    def refuses(self) -> bool:
        """Whether it is a no: a right that is missing, a quota, a policy or webhook of others.

        What may only be `unready` was asked again for half a minute before.
        """
        return self.status in (400, 403, 422)

    @property
    def unready(self) -> bool:
        """Whether the API server may only have begun: it refuses all until it has read the roles.

        Where a role is missing it answers the same for good.
        """
        return self.status == 403 and _STARTING.search(self.message) is not None


def error_from(status: int, headers: Mapping[str, str], payload: bytes) -> ApiError:
    """The error of an answer, or of the Status of a watch's ERROR event."""
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
        status, answer.get("reason") or "Unknown", answer.get("message") or "", retry_after
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def cause_of(error: BaseException) -> str:
    """Why there is no answer, without how urllib3's connection pool put it."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error).rpartition("): ")[2]
