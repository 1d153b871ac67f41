"""The commands that change a run: pause, resume, cancel, terminate, approve, signal, rerun."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.options import Execution, Namespace, Output, Wait, on_cluster


def pause(context: typer.Context, execution: Execution, namespace: Namespace = None) -> None:
    """Start nothing new; what runs goes on."""
    from orchestrator.cli.controlling import desire

    raise typer.Exit(desire(context.obj.within(namespace), execution, "Paused"))


def resume(context: typer.Context, execution: Execution, namespace: Namespace = None) -> None:
    """Go on with a paused execution."""
    from orchestrator.cli.controlling import desire

    raise typer.Exit(desire(context.obj.within(namespace), execution, "Running"))


def cancel(
    context: typer.Context,
    execution: Execution,
    wait: Wait = False,
    namespace: Namespace = None,
) -> None:
    """Cancel an execution: what runs is stopped gently, its pods and logs stay."""
    from orchestrator.cli.controlling import desire

    raise typer.Exit(desire(context.obj.within(namespace), execution, "Cancelled", wait=wait))


def terminate(
    context: typer.Context,
    execution: Execution,
    wait: Wait = False,
    namespace: Namespace = None,
) -> None:
    """End an execution by force, without its final nodes."""
    from orchestrator.cli.controlling import desire

    raise typer.Exit(desire(context.obj.within(namespace), execution, "Terminated", wait=wait))


def delete(
    context: typer.Context,
    execution: Execution,
    force: Annotated[bool, typer.Option("--force", help="Even if it has not ended.")] = False,
    namespace: Namespace = None,
) -> None:
    """Remove an execution with its Jobs, pods and logs."""
    from orchestrator.cli.controlling import delete_execution

    raise typer.Exit(delete_execution(context.obj.within(namespace), execution, force=force))


def rerun(
    context: typer.Context,
    execution: Execution,
    start: Annotated[
        list[str] | None,
        typer.Option("--from", help="Node to run again with what follows; repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the new execution.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end.")] = False,
    namespace: Namespace = None,
    output: Output = None,
) -> None:
    """Run an ended execution again, from the nodes that failed or from those named."""
    from orchestrator.cli.rerunning import rerun_execution

    target = context.obj.within(namespace)
    raise typer.Exit(
        rerun_execution(target, execution, start or [], name, watch=watch, output=output)
    )


Node = Annotated[str | None, typer.Argument(help="The approval; needless if only one waits.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="NAME=VALUE of what the approval asks for, in its type."),
]


def approve(
    context: typer.Context,
    execution: Execution,
    node: Node = None,
    comment: Comment = "",
    given: Inputs = None,
    namespace: Namespace = None,
) -> None:
    """Approve what an execution waits for."""
    from orchestrator.cli.deciding import decide

    target = context.obj.within(namespace)
    raise typer.Exit(decide(target, execution, node, "Approve", comment, given or []))


def reject(
    context: typer.Context,
    execution: Execution,
    node: Node = None,
    comment: Comment = "",
    given: Inputs = None,
    namespace: Namespace = None,
) -> None:
    """Reject what an execution waits for: the approval fails."""
    from orchestrator.cli.deciding import decide

    target = context.obj.within(namespace)
    raise typer.Exit(decide(target, execution, node, "Reject", comment, given or []))


def signal(
    context: typer.Context,
    execution: Execution,
    name: Annotated[str, typer.Argument(help="Name of the signal.")],
    payload: Annotated[
        str | None, typer.Option("--payload", help="A JSON object of at most 4 KiB.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option("--id", help="Identity: sent twice it counts once.")
    ] = None,
    namespace: Namespace = None,
) -> None:
    """Send a signal to an execution."""
    from orchestrator.cli.deciding import send_signal

    target = context.obj.within(namespace)
    raise typer.Exit(send_signal(target, execution, name, payload, identity))


def explain(
    context: typer.Context,
    execution: Execution,
    node: Annotated[str | None, typer.Argument(help="One node.")] = None,
    namespace: Namespace = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="json.")] = None,
) -> None:
    """Say why an execution, or one of its nodes, stands where it stands."""
    from orchestrator.cli.explaining import explain as tell

    raise typer.Exit(tell(context.obj.within(namespace), execution, node, output))


COMMANDS = (explain, pause, resume, cancel, terminate, delete, rerun, approve, reject, signal)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in COMMANDS:
        app.command()(on_cluster(command))
