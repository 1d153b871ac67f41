"""Why a Job cannot be built."""

from __future__ import annotations


class JobRefused(Exception):  # noqa: N818 - what happened, not that something went wrong with us
    """The Job cannot be built: a reason of models/reasons.py, and the path with what is wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
