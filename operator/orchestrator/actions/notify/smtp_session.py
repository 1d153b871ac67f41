"""SMTP sessions with a deadline; a module of its own, because importing smtplib is slow."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from typing import Any

from orchestrator.kube.response_deadline import reader


class Smtp(smtplib.SMTP):
    """A session that reads no answer beyond the deadline: a server that sends a byte now and then
    would put it off."""

    def __init__(self, left: Callable[[], float], *args: Any, **kwargs: Any) -> None:
        """`left` returns the seconds until the deadline."""
        self._left = left
        super().__init__(*args, **kwargs)

    def getreply(self) -> tuple[int, bytes]:
        """An answer of the server."""
        if self.file is None and self.sock is not None:
            self.file = reader(self.sock, self._left)
        return super().getreply()


class SmtpOverTls(Smtp, smtplib.SMTP_SSL):
    """The same, encrypted from its beginning."""
