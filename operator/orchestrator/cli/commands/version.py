"""`version`."""

from __future__ import annotations

from orchestrator.cli.terminal import say
from orchestrator.cli.version import version


def command() -> None:
    """The same as `orchestrator --version`."""
    say(version())
