"""`trigger`: run, suspend, resume, next, backfill, test, send, grant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator.cli.backfilling import backfill_trigger
from orchestrator.cli.connection import Target
from orchestrator.cli.creating import Printed
from orchestrator.cli.granting_triggers import print_trigger_grants
from orchestrator.cli.manual_starts import Request
from orchestrator.cli.options import (
    EXECUTION_NAMES,
    TRIGGER_NAMES,
    Output,
    Watch,
    on_cluster,
)
from orchestrator.cli.trigger_sending import Given, Receiver, Sought, send_request
from orchestrator.cli.trigger_testing import Tested, test_trigger
from orchestrator.cli.triggering import GivenEvent, print_next, run_trigger, suspend_triggers
from orchestrator.operations.grant_trigger import RECEIVER


class _Group(TyperGroup):
    """The commands about Triggers; those about every kind are elsewhere."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the first argument."""
        if args and args[0] in ("list", "ls", "get", "describe"):
            ctx.fail(f"No such command '{args[0]}'. `orchestrator get triggers` shows Triggers.")
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
Name = Annotated[
    str,
    typer.Argument(metavar="TRIGGER", help="Name of the Trigger.", autocompletion=TRIGGER_NAMES),
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="TRIGGER", help="Names of Triggers.", autocompletion=TRIGGER_NAMES),
]


Body = Annotated[
    str | None,
    typer.Option("--body", metavar="FILE", help="Body of the request; `-` for standard input."),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME: VALUE", help="Header of the request; repeatable."),
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
    replay: Annotated[
        str | None,
        typer.Option(
            "--replay",
            metavar="EXECUTION",
            help="An execution that the Trigger started, whose recorded event is used again.",
            autocompletion=EXECUTION_NAMES,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=VALUE",
            help="An input of a manual Trigger, converted to its type; repeatable.",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option("--inputs", metavar="JSON", help="All inputs as a JSON object."),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option(
            "--request-id",
            metavar="ID",
            help="Start one execution for this id, however often the command is repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without creating anything.")
    ] = False,
    watch: Watch = False,
    output: Output = None,
) -> int:
    """Start an execution with the variables that the Trigger computes from an event.

    You are its requester, as with `run`, and the Trigger may be suspended. Exit code 5: the request
    of this id was made before, and nothing was started.
    """
    request = Request(tuple(assignments or ()), inputs, request_id)
    given = GivenEvent(event, of, replay, request)
    return run_trigger(target, name, given, Printed(output, watch), dry_run=dry_run)


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
            help="Times to show for each Trigger; by default 10 for one Trigger, 1 for all.",
        ),
    ] = None,
) -> int:
    """Show when Triggers with a schedule fire next, jitter included."""
    return print_next(target, name, count)


@app.command("backfill")
@on_cluster
def backfill(
    target: Target,
    name: Name,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="First moment, such as 2026-11-01T00:00; in the schedule's time zone unless it has"
            " an offset.",
        ),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="TIME", help="End of the period, itself excluded.")
    ],
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, max=1000, help="Most slots in the period."),
    ] = 100,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without creating anything.")
    ] = False,
) -> int:
    """Start the past slots of a schedule that have no execution yet, oldest first.

    You are the requester. A slot that ran already, for the Trigger or an earlier backfill, does not
    run again while its execution exists. The Workflow's concurrency decides how many run at once.
    """
    return backfill_trigger(target, name, start, end, limit, dry_run=dry_run)


@app.command("test")
@on_cluster
def try_event(
    target: Target,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Manifests with the Trigger, and perhaps its Workflow."
        ),
    ],
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="FILE",
            help="The event as JSON, `-` for standard input; for a schedule, its next slot by"
            " default.",
        ),
    ] = None,
    body: Body = None,
    header: Headers = None,
    name: Annotated[
        str, typer.Option("--name", metavar="TRIGGER", help="The Trigger, if there are several.")
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Use no cluster: only what is in the file is known.")
    ] = False,
) -> int:
    """Say whether a Trigger would start an execution for an event, and with which variables.

    Nothing is created. Without --event and --body, a schedule is tested with its next slot, and any
    other Trigger with a sample. Exits with 1 if the Trigger would start nothing, and with 2 if the
    Trigger, the event or the Workflow in the file is not valid.
    """
    tested = Tested(event, Given(body, tuple(header or ())))
    return test_trigger(target, file, tested, name, offline=offline)


@app.command("send")
@on_cluster
def send(
    target: Target,
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="Address of the receiver, without a path."),
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="[TRIGGER]",
            help="Name of the Trigger.",
            show_default=False,
            autocompletion=TRIGGER_NAMES,
        ),
    ] = "",
    file: Annotated[
        str,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="Manifests with the Trigger, instead of the one on the cluster; `-` for standard"
            " input.",
            show_default=False,
        ),
    ] = "",
    body: Body = None,
    header: Headers = None,
    identity: Annotated[
        str, typer.Option("--id", metavar="ID", help="Delivery id; random by default.")
    ] = "",
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The secret; by default that of the Trigger, read from the cluster. For"
            " apiEndpoint, the caller's token; by default that of your kubeconfig.",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Authority of the receiver's certificate in PEM."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Client certificate and key in PEM, for mutualTLS."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the signed request instead of sending it.")
    ] = False,
) -> int:
    """Sign a request as its sender would, and send it to a Trigger of the receiver.

    With -f and --secret-file, no cluster is needed. Without --body, it is a sample that the
    Trigger's type accepts. Exits with 1 if the receiver
    does not answer 2xx.
    """
    given = Given(body, tuple(header or ()), identity, secret_file)
    receiver = Receiver(url, ca_file, certificate)
    return send_request(target, Sought(name, file), given, receiver, dry_run=dry_run)


@app.command("grant")
@on_cluster
def grant(
    target: Target,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TRIGGER",
            help="Names of Triggers on the cluster.",
            autocompletion=TRIGGER_NAMES,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="File, folder, or - for standard input: its Triggers; repeatable.",
        ),
    ] = None,
    receiver: Annotated[
        str,
        typer.Option(metavar="NAMESPACE/NAME", help="Service account of the receiver."),
    ] = RECEIVER,
) -> int:
    """Print the Role that lets the receiver read the Secrets of Triggers, and its binding.

    It changes nothing: the manifests are for `kubectl apply -f -`.
    """
    return print_trigger_grants(target, names or (), files or (), receiver)
