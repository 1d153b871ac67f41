"""The commands. Each imports what it needs when it runs: an action in a small pod starts fast."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import control
from orchestrator.cli.errors import UsageError, fail
from orchestrator.cli.options import Execution, Namespace, Output, on_cluster
from orchestrator.cli.terminal import say

app = typer.Typer(
    name="orchestrator",
    help="Automation on Kubernetes: incident response and deployment workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class DryRun(StrEnum):
    """Whether `apply` only tries."""

    NONE = "none"
    SERVER = "server"


@app.callback()
def options(
    context: typer.Context,
    namespace: Namespace = None,
    kubeconfig: Annotated[
        str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")
    ] = None,
    kube_context: Annotated[
        str | None, typer.Option("--context", help="Context of the kubeconfig.")
    ] = None,
) -> None:
    """Where the cluster is; the same for every command."""
    from orchestrator.cli.connection import Target

    context.obj = Target(kubeconfig, kube_context, namespace)


@app.command()
@on_cluster
def apply(
    context: typer.Context,
    files: Annotated[
        list[str], typer.Option("--filename", "-f", help="Files, folders, or - for standard input.")
    ],
    namespace: Namespace = None,
    dry_run: Annotated[
        DryRun, typer.Option("--dry-run", help="server: check here and there, and store nothing.")
    ] = DryRun.NONE,
) -> None:
    """Check manifests and apply them: all of them, or none."""
    from orchestrator.cli.applying import apply_files

    raise typer.Exit(
        apply_files(context.obj.within(namespace), files, dry_run=dry_run is DryRun.SERVER)
    )


@app.command()
@on_cluster
def lint(
    context: typer.Context,
    files: Annotated[
        list[str], typer.Option("--filename", "-f", help="Files, folders, or - for standard input.")
    ],
    namespace: Namespace = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use no cluster, even if there is one.")
    ] = False,
) -> None:
    """Check manifests and change nothing; without a cluster, list what could not be checked."""
    from orchestrator.cli.linting import lint_files

    raise typer.Exit(lint_files(context.obj.within(namespace), files, offline=offline))


@app.command()
@on_cluster
def run(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="Name of the Workflow.")],
    var: Annotated[
        list[str] | None, typer.Option("--var", help="NAME=VALUE, typed as the Workflow declares.")
    ] = None,
    vars_file: Annotated[
        Path | None, typer.Option("--vars-file", help="YAML or JSON file of variables.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the execution.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end.")] = False,
    namespace: Namespace = None,
    output: Output = None,
) -> None:
    """Start a workflow. With --watch: 0 Succeeded, 1 Failed, 3 TimedOut, 4 Cancelled."""
    from orchestrator.cli.running import run_workflow

    target = context.obj.within(namespace)
    raise typer.Exit(
        run_workflow(target, workflow, var or [], vars_file, name, watch=watch, output=output)
    )


@app.command()
@on_cluster
def get(
    context: typer.Context,
    kind: Annotated[
        str, typer.Argument(help="workflows, executions, approvals, incidents, templates, …")
    ],
    name: Annotated[str | None, typer.Argument(help="One object.")] = None,
    namespace: Namespace = None,
    every: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="In all namespaces.")
    ] = False,
    output: Output = None,
) -> None:
    """Show what there is."""
    from orchestrator.cli.getting import get_objects

    target = context.obj.within(namespace)
    raise typer.Exit(get_objects(target, kind, name, every=every, output=output))


@app.command()
@on_cluster
def watch(
    context: typer.Context,
    execution: Execution,
    namespace: Namespace = None,
) -> None:
    """Follow an execution to its end: 0 Succeeded, 1 Failed, 3 TimedOut, 4 Cancelled."""
    from orchestrator.cli.watching import watch_execution

    raise typer.Exit(watch_execution(context.obj.within(namespace), execution))


@app.command()
@on_cluster
def logs(
    context: typer.Context,
    execution: Execution,
    node: Annotated[str | None, typer.Argument(help="One node.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow what runs.")] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="One attempt, from 1.")
    ] = None,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, help="Last lines of each pod.")
    ] = None,
    namespace: Namespace = None,
) -> None:
    """Show what the pods of an execution wrote."""
    from orchestrator.cli.logging import Choice, show_logs

    target, choice = context.obj.within(namespace), Choice(node, attempt, tail)
    raise typer.Exit(show_logs(target, execution, choice, follow=follow))


control.register(app)


@app.command()
def crds(
    output: Annotated[
        Path | None,
        typer.Option("--output", "--output-dir", help="Write a file for each kind there."),
    ] = None,
) -> None:
    """Print the custom resources, for `kubectl apply --server-side -f -`."""
    from orchestrator.crds import render_all, write

    if output is None:
        say(render_all(), end="")
        return
    try:
        write(output)
    except OSError as error:
        raise UsageError(f"--output {output}: {error.strerror}") from error


@app.command()
def operator(
    context: typer.Context,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Look after this namespace only; repeatable."),
    ] = None,
    runner_image: Annotated[
        str | None,
        typer.Option(envvar="RUNNER_IMAGE", help="Image of actions whose Template names none."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=1000, help="Executions side by side.")] = 128,
    log_format: Annotated[str, typer.Option(help="plain or json.")] = "plain",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    health_address: Annotated[
        str, typer.Option(help="HOST:PORT of /healthz and /readyz; none when empty.")
    ] = "",
    lease: Annotated[
        str, typer.Option(help="NAMESPACE/NAME of the Lease that one of several holds; else none.")
    ] = "",
) -> None:
    """Run the operator until a signal says stop."""
    from orchestrator.cli.impersonation import configured
    from orchestrator.cli.version import image
    from orchestrator.controller.main import OperatorOptions
    from orchestrator.controller.main import run as run_operator
    from orchestrator.kube.access import AccessError

    if log_format not in ("plain", "json"):
        raise UsageError(f"--log-format {log_format}: say plain or json")
    if log_level not in ("debug", "info", "warning", "error"):
        raise UsageError(f"--log-level {log_level}: say debug, info, warning or error")
    if lease and len([part for part in lease.split("/") if part]) != 2:
        raise UsageError(f"--lease {lease}: write NAMESPACE/NAME")
    target = context.obj
    acts_as = configured(target.kubeconfig, target.context).user
    if acts_as and (target.kubeconfig or not os.environ.get("KUBERNETES_SERVICE_HOST")):
        raise UsageError(
            f"the kubeconfig acts as {acts_as}, and the operator acts in no other's name;"
            " choose another context with --context"
        )
    if namespace is None and target.namespace is not None:
        namespace = [target.namespace]
    options = OperatorOptions(
        runner_image=runner_image or image(),
        namespaces=tuple(namespace or ()),
        workers=workers,
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        lease=lease,
    )
    try:
        run_operator(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error


@app.command()
def action(name: Annotated[str, typer.Argument(help="Name of the action.")]) -> None:
    """Run a shipped action: what a node's Job does, with parameters from the environment."""
    from orchestrator.actions.main import run as run_action

    raise typer.Exit(run_action(name, os.environ))


@app.command()
def version() -> None:
    """Print the version."""
    from orchestrator.cli.version import version as installed

    say(installed())


def main() -> None:
    """The entry point: a user's mistake is one line and exit code 2, never a traceback."""
    try:
        app()
    except UsageError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(130)
