"""ssh-command: run a command on another host."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.processes import Ended
from orchestrator.actions.ssh import SshTarget, connection
from orchestrator.models.base import Duration, parse_duration


class SshCommand(SshTarget):
    """Parameters of ssh-command."""

    command: Annotated[str, Field(min_length=1, max_length=65536)]
    """The command, used literally; pass values in args, never inside the command."""
    args: Annotated[list[str | int | float | bool], Field(max_length=100)] = []
    """Arguments, quoted for the host's shell: the command is then a script of sh, which reads them
    as $1, $2 and so on."""
    stdin: Annotated[str, Field(max_length=1048576)] = ""
    """Standard input."""
    secret: SecretStr | None = None
    """A secret that the command reads from its standard input; set either this or stdin."""
    success_codes: Annotated[list[int], Field(min_length=1, max_length=16)] = [0]
    """Exit codes that count as success."""
    timeout: Duration = "5m"
    """Maximum time of the command, including the time to connect."""

    @model_validator(mode="after")
    def _one_input(self) -> SshCommand:
        if self.stdin and self.secret:
            raise ValueError("set either stdin or secret, not both")
        return self


class SshResult(Outputs):
    """Outputs of ssh-command."""

    bulky = ("stderr", "stdout")
    keep_end = frozenset({"stderr", "stdout"})

    exit_code: int
    """Exit code of the command: one of successCodes, as any other fails the node."""
    stdout: str = ""
    """The end of its standard output."""
    stderr: str = ""
    """The end of its standard error."""
    truncated: bool = False
    """Whether an output was truncated."""


def ssh_command(parameters: SshCommand, context: Context) -> SshResult:
    """Runs a command on another host over SSH, with a private key and a known host key."""
    context.log(f"running {len(parameters.command)} characters on {parameters.address}")
    with connection(parameters, context) as host:
        ended = host.run(
            _command(parameters),
            stdin=parameters.secret.get_secret_value() if parameters.secret else parameters.stdin,
            timeout=parse_duration(parameters.timeout),
        )
    context.log(f"exit code {ended.exit_code}")
    if ended.exit_code not in parameters.success_codes:
        raise _failure(parameters, ended)
    return SshResult(
        exit_code=ended.exit_code,
        stdout=ended.stdout,
        stderr=ended.stderr,
        truncated=ended.truncated,
    )


def _failure(parameters: SshCommand, ended: Ended) -> ActionError:
    if ended.exit_code == 0:  # as the container's own, it would be a success
        expected = " or ".join(map(str, parameters.success_codes))
        return ActionError(
            f"the command exited with 0; successCodes expects {expected}", permanent=True
        )
    return ActionError(ended.failure("the command"), exit_code=ended.exit_code)


def _command(parameters: SshCommand) -> str:
    if not parameters.args:
        return parameters.command
    args = (each if isinstance(each, str) else json.dumps(each) for each in parameters.args)
    return shlex.join(("sh", "-c", parameters.command, "sh", *args))


ACTION = Action(
    name="ssh-command",
    title="Run a command over SSH",
    category="infrastructure",
    icon="terminal",
    parameters=SshCommand,
    outputs=SshResult,
    run=ssh_command,
    retries=(
        "The command's exit code is the container's: 64 and 65 are not retried, all others are; "
        "255 also means no connection, or a lost one. Not retried: a host key that knownHosts "
        "does not contain, a private key that the host refuses. A retry runs the whole command "
        "again, also where the connection was lost while it ran: write commands that may run "
        "twice, or set no retry."
    ),
    example="""
        variables:
        - {name: host, type: string, default: db-1.example.com}
        - {name: port, type: integer, default: 22}
        - {name: user, type: string, default: automation}
        - {name: knownHosts, type: string, default: db-1.example.com ssh-ed25519 AAAAC3NzaC1lZDI1}
        - {name: key, type: secret, secretKeyRef: {name: automation-ssh, key: id_ed25519}}
        nodes:
        - name: freeSpace
          action: ssh-command
          with:
            host: "$[[ vars.host ]]"
            port: "$[[ vars.port ]]"
            user: "$[[ vars.user ]]"
            knownHosts: "$[[ vars.knownHosts ]]"
            privateKey: "$[[ vars.key ]]"
            command: test "$(df --output=pcent "$1" | tail -n 1 | tr -dc 0-9)" -lt "$2"
            args: [/, 101]
    """,
)
