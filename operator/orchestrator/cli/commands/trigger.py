"""`trigger`: run, suspend, resume, next."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.creating import Printed
from orchestrator.cli.options import (
    EXECUTION_NAMES,
    TRIGGER_NAMES,
    Output,
    Watch,
    on_cluster,
)
from orchestrator.cli.triggering import GivenEvent, print_next, run_trigger, suspend_triggers

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
Name = Annotated[
    str,
    typer.Argument(metavar="TRIGGER", help="Name of the Trigger.", autocompletion=TRIGGER_NAMES),
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="TRIGGER", help="Names of Triggers.", autocompletion=TRIGGER_NAMES),
]


@app.command("run")
@on_cluster
def run(
    target: Target,
    name: Name,
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="JSON",
            help="The event as a JSON object; for a schedule, its next slot by default.",
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="EXECUTION",
            help="The ended execution that is the event, for a Trigger on executions.",
            autocompletion=EXECUTION_NAMES,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without creating anything.")
    ] = False,
    watch: Watch = False,
    output: Output = None,
) -> int:
    """Start an execution with the variables that the Trigger computes from an event.

    You are its requester, as with `run`, and the Trigger may be suspended.
    """
    return run_trigger(target, name, GivenEvent(event, of), Printed(output, watch), dry_run=dry_run)


@app.command("suspend")
@on_cluster
def suspend(target: Target, names: Names) -> int:
    """Suspend Triggers: they start nothing until they are resumed."""
    return suspend_triggers(target, names, suspend=True)


@app.command("resume")
@on_cluster
def resume(target: Target, names: Names) -> int:
    """Resume suspended Triggers."""
    return suspend_triggers(target, names, suspend=False)


@app.command("next")
@on_cluster
def next_slots(
    target: Target,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="TRIGGER",
            help="Name of the Trigger; all in the namespace by default.",
            autocompletion=TRIGGER_NAMES,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            metavar="N",
            min=1,
            max=100,
            help="Times to show for each Trigger; by default 5 for one Trigger, 1 for all.",
        ),
    ] = None,
) -> int:
    """Show when Triggers with a schedule fire next, jitter included."""
    return print_next(target, name, count)
