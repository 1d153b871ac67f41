"""Creates an execution, prints it, and follows it with `--watch`."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.printing import Format, name_of, read_format
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS


@dataclass(frozen=True)
class Printed:
    """How the new execution is printed: the `-o` format, and whether it is watched."""

    output: str | None = None
    watch: bool = False

    @property
    def format(self) -> Format:
        """The format. Raises UsageError for an unknown one."""
        return read_format(self.output, table=False)


def create(cluster: Cluster, body: Raw, printed: Printed, *, dry_run: bool = False) -> int:
    """Create an execution and print it; if it is watched, return the exit code of its end.

    With both `watch` and `output`, progress goes to standard error, and the ended execution is
    printed.
    """
    wanted = printed.format
    created = cluster.create(EXECUTIONS, body, dry_run=dry_run)
    if dry_run and not printed.output:
        say(f"{name_of(created)} created (dry run)")
        return 0
    if not printed.watch:
        wanted.show(created)
        return 0
    from orchestrator.cli.watching import watch_execution

    code = watch_execution(cluster, created, sys.stderr if printed.output else sys.stdout)
    if printed.output:
        wanted.show(cluster.get(EXECUTIONS, created["metadata"]["name"]))
    return code
