"""`version`."""

from __future__ import annotations

from orchestrator.cli.terminal import say
from orchestrator.cli.version import version


def command() -> None:
    """Same as `orchestrator --version`."""
    say(version())
