"""The log's formats, and the field that carries the key of an execution."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from orchestrator.process.logs import (
    ExecutionLog,
    JsonLines,
    PlainLines,
    execution_field,
)

KEY = ("shop", "deploy-1")


def _record(message: str, **extra: str) -> logging.LogRecord:
    logger = logging.getLogger("orchestrator.test")
    return logger.makeRecord(logger.name, logging.WARNING, "", 1, message, (), None, extra=extra)


def test_a_json_line_has_the_execution_as_a_field() -> None:
    line = json.loads(JsonLines().format(_record("decided", **execution_field(KEY))))
    assert (line["message"], line["execution"]) == ("decided", "shop/deploy-1")
    assert "execution" not in json.loads(JsonLines().format(_record("synced")))


def test_a_plain_line_ends_with_the_execution() -> None:
    line = PlainLines().format(_record("decided", **execution_field(KEY)))
    assert line.endswith("WARNING orchestrator.test: decided execution=shop/deploy-1")
    assert PlainLines().format(_record("synced")).endswith("orchestrator.test: synced")


def test_a_plain_line_names_the_execution_before_its_traceback() -> None:
    record = _record("failed", **execution_field(KEY))
    try:
        raise ValueError("odd")
    except ValueError:
        record.exc_info = sys.exc_info()
    first, *rest = PlainLines().format(record).splitlines()
    assert first.endswith("failed execution=shop/deploy-1")
    assert rest[-1] == "ValueError: odd"


class _Costly:
    def __str__(self) -> str:
        raise AssertionError("formatted though debug is off")


@pytest.fixture
def level() -> Iterator[logging.Logger]:
    logger = logging.getLogger("orchestrator.test")
    before = logger.level
    yield logger
    logger.setLevel(before)


def test_nothing_is_formatted_while_debug_is_off(level: logging.Logger) -> None:
    level.setLevel(logging.INFO)
    log = ExecutionLog(level.name)
    log.debug(KEY, "decided: %s", _Costly())
    assert not log.debugs


def test_a_debug_line_is_logged_where_it_was_written(
    level: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    level.setLevel(logging.DEBUG)
    ExecutionLog(level.name).debug(KEY, "decided: %s", "retry")
    (record,) = caplog.records
    assert record.getMessage() == "decided: retry"
    assert vars(record)["execution"] == "shop/deploy-1"
    assert record.filename == "test_logs.py"
