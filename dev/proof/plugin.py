"""A pytest plugin: records which actions the tests of a run performed, and which routes of the REST
API answered them, in build/tests/run.json.

Only the main process of dev.parallel writes it; it has the reports of all others.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.proof.run import ANSWERED, PROPERTY, RUN, Run, write

_SELECTING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "maxfail")


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that has all reports."""
    if not config.option.reports and not config.option.collectonly:
        config.pluginmanager.register(Recorder(config))


class Recorder:
    """Collects the reports of a session."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        partial = any(getattr(option, name, None) for name in _SELECTING)
        others = [
            suite for each in option.parallel + option.background for suite in each.split(",")
        ]
        suites = [] if partial else [*config.args, *others]
        self._path = config.rootpath / RUN
        self._run = Run(f"{datetime.now(UTC):%Y-%m-%d}", _commit(config.rootpath), sorted(suites))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what a test that ended had performed, and what answered it."""
        if report.when != "teardown":
            return
        self._run.tests += 1
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, dict):
                self._run.add(report.nodeid.partition("::")[0], value)
            elif name == ANSWERED and isinstance(value, list):
                self._run.add_routes(report.nodeid.partition("[")[0], value)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the run."""
        self._run.green = exitstatus == pytest.ExitCode.OK
        write(self._run, self._path)


def _commit(folder: Path) -> str:
    """The commit of the working copy, if it is unchanged."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "HEAD")
    return "" if git("status", "--porcelain") else head
