"""The log: its formats, and lines that carry the key of an execution as a field."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

EXECUTION = "execution"
"""The field: NAMESPACE/NAME of the execution that a line is about."""
_NOISY = ("kopf", "asyncio", "urllib3")
"""Loggers of libraries, of which only warnings are logged."""

Key = tuple[str, str]


class ExecutionLog:
    """A logger whose lines are each about one execution, by its namespace and name."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    @property
    def debugs(self) -> bool:
        """Whether debug lines are logged: what is costly to put together is asked for then only."""
        return self._logger.isEnabledFor(logging.DEBUG)

    def debug(self, key: Key, message: str, *arguments: object) -> None:
        """Log a line at debug level; nothing is formatted unless that is on."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug(message, *arguments, extra=execution_field(key), stacklevel=2)


def execution_field(key: Key) -> dict[str, str]:
    """The field of a line about the execution, as `extra` of a logging call."""
    return {EXECUTION: "/".join(key)}


class PlainLines(logging.Formatter):
    """Lines for people; the field is at the end, as execution=NAMESPACE/NAME."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own)
        """The line without its traceback."""
        line = super().formatMessage(record)
        execution = getattr(record, EXECUTION, None)
        return f"{line} {EXECUTION}={execution}" if execution else line


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its traceback as a field."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if execution := getattr(record, EXECUTION, None):
            line[EXECUTION] = execution
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(log_format: str, level: str) -> None:
    """Log to standard error from now on; `log_format` is plain or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
