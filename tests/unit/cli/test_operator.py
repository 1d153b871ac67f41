"""`orchestrator operator`: its options, as far as they can be wrong."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from orchestrator.cli.errors import UsageError
from orchestrator.cli.main import app

WRONG_LEASE = "--lease=nowhere"
"""Refused after the level of the log is read, and before anything is connected to."""


def refusal(*options: str, **environ: str) -> UsageError:
    error = CliRunner().invoke(app, ["operator", *options], env=environ).exception
    assert isinstance(error, UsageError)
    return error


def test_a_wrong_level_of_the_log_is_a_usage_error() -> None:
    error = refusal("--log-level=loud")
    assert str(error) == "--log-level loud: write debug, info, warning or error"
    assert error.code == 2


def test_a_wrong_level_in_the_environment_names_the_variable() -> None:
    error = refusal(ORCHESTRATOR_LOG="loud")
    assert str(error) == "ORCHESTRATOR_LOG=loud: write debug, info, warning or error"
    assert error.code == 2


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_every_level_can_be_given_either_way(level: str) -> None:
    assert "--lease nowhere" in str(refusal(WRONG_LEASE, f"--log-level={level}"))
    assert "--lease nowhere" in str(refusal(WRONG_LEASE, ORCHESTRATOR_LOG=level))


def test_the_option_wins_over_the_environment() -> None:
    found = refusal(WRONG_LEASE, "--log-level=debug", ORCHESTRATOR_LOG="loud")
    assert "--lease nowhere" in str(found)
