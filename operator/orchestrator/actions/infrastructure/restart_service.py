"""restart-service: restart a service of systemd on another host."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.ssh import Connection, SshTarget, connection
from orchestrator.models.base import Duration, parse_duration

UNIT_PATTERN = r"^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]*$"
"""Characters of a unit's name (systemd.unit(5)), which here never begins as an option does."""
_SHOWN = ("LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "InvocationID")
_FORBIDDEN = (
    "Interactive authentication required",
    "Access denied",
    "a password is required",
    "a terminal is required",
    "is not in the sudoers file",
    "not allowed to execute",
    "not found",
    "refused",
)
"""Messages of systemctl and sudo that another attempt would get as well."""
POLL_SECONDS = 1.0


class Manager(StrEnum):
    SYSTEM = "system"
    USER = "user"


class RestartService(SshTarget):
    """Parameters of restart-service."""

    unit: Annotated[str, Field(pattern=UNIT_PATTERN, max_length=255)]
    """Name of the service, with or without `.service`."""
    manager: Manager = Manager.SYSTEM
    """Whether the service is one of the system, or of the user."""
    sudo: bool = False
    """Whether to restart it with `sudo`, which must ask for no password."""
    stable_for: Duration = "5s"
    """How long the service must then run without another restart to count as restarted."""
    timeout: Duration = "2m"
    """Maximum total time."""

    @field_validator("unit")
    @classmethod
    def _with_suffix(cls, unit: str) -> str:
        name, dot, suffix = unit.rpartition(".")
        if dot and suffix in ("socket", "timer", "target", "mount", "path", "slice", "scope"):
            raise ValueError(f"must be the name of a service, not of a {suffix}")
        return unit if dot and name and suffix == "service" else f"{unit}.service"


class RestartedService(Outputs):
    """Outputs of restart-service."""

    unit: str
    """Full name of the service."""
    state: str
    """State of the service: active."""
    sub_state: str
    """State in detail, such as running, or exited for a service that ends."""
    main_pid_before: int
    """Main process before the restart; 0 if there was none."""
    main_pid: int
    """Main process after the restart; 0 if there is none."""


def restart_service(parameters: RestartService, context: Context) -> RestartedService:
    """Restarts a service of systemd over SSH, and waits until it is active and stays so."""
    with connection(parameters, context) as host:
        service = _Service(parameters, context, host)
        before = service.show()
        if before["LoadState"] != "loaded":
            raise ActionError(
                f"{parameters.unit} on {parameters.address} is {before['LoadState']}",
                permanent=True,
            )
        context.log(f"restarting {parameters.unit}, which is {before['ActiveState']}")
        service.restart()
        after = service.active()
        context.log(f"{parameters.unit} is active with main process {after['MainPID']}")
        service.stays(after)
    return RestartedService(
        unit=parameters.unit,
        state=after["ActiveState"],
        sub_state=after["SubState"],
        main_pid_before=int(before["MainPID"] or 0),
        main_pid=int(after["MainPID"] or 0),
    )


class _Service:
    """A service on a host, until the timeout of the action."""

    def __init__(self, parameters: RestartService, context: Context, host: Connection) -> None:
        self._parameters, self._context, self._host = parameters, context, host
        self._deadline = context.clock.monotonic() + parse_duration(parameters.timeout)

    def show(self) -> dict[str, str]:
        """Its properties."""
        properties = f"--property={','.join(_SHOWN)}"
        ended = self._systemctl("show", properties, quiet=True)
        if ended[0] != 0:
            raise self._failure(*ended)
        values = dict(line.partition("=")[::2] for line in ended[1].splitlines())
        return {name: values.get(name, "") for name in _SHOWN}

    def restart(self) -> None:
        """Restart it; systemctl waits until it is started, as its type defines."""
        ended = self._systemctl("restart", sudo=self._parameters.sudo)
        if ended[0] != 0:
            self._log_status()
            raise self._failure(*ended)

    def active(self) -> dict[str, str]:
        """Its properties once it is active."""
        while True:
            found = self.show()
            if found["ActiveState"] == "active":
                return found
            if found["ActiveState"] in ("failed", "inactive"):
                self._log_status()
                unit, address = self._parameters.unit, self._parameters.address
                raise ActionError(
                    f"{unit} on {address} is {found['ActiveState']} after the restart: "
                    f"{found['Result']}"
                )
            self._wait(POLL_SECONDS, f"became active; it is {found['ActiveState']}")

    def stays(self, after: dict[str, str]) -> None:
        """Wait, and check that the same invocation is still active."""
        self._wait(parse_duration(self._parameters.stable_for), "was stable")
        found = self.show()
        same = all(found[name] == after[name] for name in ("InvocationID", "MainPID", "NRestarts"))
        if found["ActiveState"] == "active" and same:
            return
        self._log_status()
        raise ActionError(
            f"{self._parameters.unit} on {self._parameters.address} did not stay active for "
            f"{self._parameters.stable_for}: {found['ActiveState']}, {found['Result']}"
        )

    def _wait(self, seconds: float, until: str) -> None:
        if self._remaining() <= seconds:
            raise ActionError(
                f"the timeout of {self._parameters.timeout} ended before {self._parameters.unit} "
                f"on {self._parameters.address} {until}"
            )
        self._context.clock.sleep(seconds)

    def _remaining(self) -> float:
        return self._deadline - self._context.clock.monotonic()

    def _log_status(self) -> None:
        """Write what systemd knows of a failed service to the log."""
        self._systemctl("status", "--no-pager", "--full", "--lines=20")

    def _systemctl(
        self, verb: str, *options: str, sudo: bool = False, quiet: bool = False
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command about the service."""
        manager = f"--{self._parameters.manager}"
        words = [*(("sudo", "-n") if sudo else ()), "systemctl", manager, verb, *options, "--"]
        ended = self._host.run(
            shlex.join([*words, self._parameters.unit]),
            timeout=max(1.0, self._remaining()),
            quiet=quiet,
        )
        return ended.exit_code, ended.stdout, ended.stderr

    def _failure(self, exit_code: int, stdout: str, stderr: str) -> ActionError:
        lines = [line.strip() for line in (stderr or stdout).splitlines() if line.strip()]
        reason = lines[0][:300] if lines else f"exit code {exit_code}"
        return ActionError(
            f"systemctl on {self._parameters.address}: {reason}",
            permanent=any(words in reason for words in _FORBIDDEN),
        )


ACTION = Action(
    name="restart-service",
    title="Restart a service of systemd",
    category="infrastructure",
    icon="refresh",
    parameters=RestartService,
    outputs=RestartedService,
    run=restart_service,
    retries=(
        "Retried: no connection, a service that fails to start or does not stay active. Not "
        "retried: an unknown unit, missing permissions, a host key or private key that is "
        "refused. A retry restarts the service again."
    ),
    example="""
        variables:
        - {name: host, type: string, default: web-1.example.com}
        - {name: port, type: integer, default: 22}
        - {name: user, type: string, default: automation}
        - {name: manager, type: string, default: system}
        - {name: knownHosts, type: string, default: web-1.example.com ssh-ed25519 AAAAC3NzaC1lZDI1}
        - {name: key, type: secret, secretKeyRef: {name: automation-ssh, key: id_ed25519}}
        nodes:
        - name: restart
          action: restart-service
          with:
            host: "$[[ vars.host ]]"
            port: "$[[ vars.port ]]"
            user: "$[[ vars.user ]]"
            knownHosts: "$[[ vars.knownHosts ]]"
            privateKey: "$[[ vars.key ]]"
            unit: web
            manager: "$[[ vars.manager ]]"
    """,
)
