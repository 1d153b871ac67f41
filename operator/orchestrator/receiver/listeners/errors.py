"""Why a driver cannot listen."""

from __future__ import annotations

from orchestrator.models.reasons import Reason


class SourceError(Exception):
    """The source cannot be read: reason and message of the trigger's condition."""

    def __init__(self, message: str, reason: Reason = Reason.SOURCE_UNREACHABLE) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class LoginError(SourceError):
    """The source refuses the credentials: they may have been replaced."""
