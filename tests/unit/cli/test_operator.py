"""`orchestrator operator`: its options, as far as they can be wrong."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from orchestrator.cli.commands import operator
from orchestrator.cli.main import app
from orchestrator.controller.main import OperatorOptions
from orchestrator.session.errors import UsageError

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


@pytest.mark.parametrize(("options", "waits"), [([], False), (["--history"], True)])
def test_retention_waits_for_the_history_only_if_asked(
    options: list[str], waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[OperatorOptions] = []
    monkeypatch.setattr(operator, "run", ran.append)
    CliRunner().invoke(app, ["operator", *options])
    assert [each.history for each in ran] == [waits]
