"""exec: run a command in a container of a pod."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.kube.resources import PODS
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""Annotation of a pod: the default container of `kubectl exec`."""
MAX_KEPT = 64 * 1024
"""Characters of each stream that are kept, from the end."""
MAX_LOGGED = 1024 * 1024
"""Characters that are written to the node's log; the rest is left out, with a note."""


class Exec(InNamespace):
    """Parameters of exec."""

    command: Annotated[list[str], Field(min_length=1, max_length=256)]
    """The command and its arguments. No shell reads them: for one, write ["sh", "-c", "…"]."""
    name: Name = ""
    """Name of the pod; give either this or selector."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector, as for kubectl; the command runs in the first ready pod that it matches."""
    container: Annotated[str, Field(max_length=63)] = ""
    """Container; the pod's default container if empty."""
    stdin: Annotated[str, Field(max_length=1_000_000)] = ""
    """Standard input of the command."""
    timeout: Duration = "1m"
    """Maximum time to wait for the end of the command, which is not stopped then."""
    repeatable: bool = False
    """Whether a retry may run the command again when its end is unknown: after the timeout, or
    after the connection was lost."""

    @model_validator(mode="after")
    def _one(self) -> Exec:
        if bool(self.name) == bool(self.selector):
            raise ValueError("give either name or selector")
        return self


class Executed(Outputs):
    """Outputs of exec."""

    bulky = ("stdout", "stderr")
    keep_end = frozenset({"stdout", "stderr"})

    pod: str
    """Name of the pod."""
    exit_code: int
    """Exit code of the command, always 0: another one fails the action."""
    stdout: str
    """What the command wrote to standard output; only the end if it is long."""
    stderr: str
    """The same for standard error."""
    truncated: bool = False
    """Whether an output was truncated."""


def exec_in_pod(parameters: Exec, context: Context) -> Executed:
    """Runs a command in a container of a pod, as kubectl exec does. A command that ends with
    another exit code than 0 fails the action."""
    # Imported here, as the client in it: this action alone needs them.
    from orchestrator.kube.exec import (
        STDOUT,
        Command,
        ExecLostError,
        ExecTimeoutError,
        run_command,
    )

    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    pod = _pod(cluster, namespace, parameters)
    name = str(pod["metadata"]["name"])
    container = parameters.container or _default_container(pod)
    shown = f"{namespace}/{name}/{container}"
    context.log(f"running {parameters.command[0]} in {shown}")
    stdout, stderr = _Stream(context), _Stream(context)
    command = Command(namespace, name, container, parameters.command, parameters.stdin.encode())
    deadline = context.clock.monotonic() + parse_duration(parameters.timeout)
    try:
        code = run_command(
            cluster.access,
            command,
            lambda channel, data: (stdout if channel == STDOUT else stderr).write(data),
            lambda: deadline - context.clock.monotonic(),
        )
    except ExecTimeoutError:
        words = f"the command in {shown} has not ended after {parameters.timeout}; it may still run"
        raise ActionError(words, permanent=not parameters.repeatable) from None
    except ExecLostError as error:
        words = f"the connection to {shown} was lost, the end of the command is unknown: {error}"
        raise ActionError(words, permanent=not parameters.repeatable) from None
    finally:
        stdout.close()
        stderr.close()
    if code:
        last = (stderr.kept.strip() or stdout.kept.strip()).rpartition("\n")[2]
        words = f"the command in {shown} exited with {code}{f': {last}' if last else ''}"
        raise ActionError(words)
    return Executed(
        pod=name,
        exit_code=code,
        stdout=stdout.kept,
        stderr=stderr.kept,
        truncated=stdout.truncated or stderr.truncated,
    )


class _Stream:
    """One of the command's streams: the end of it, and its lines in the node's log."""

    def __init__(self, context: Context) -> None:
        self.kept, self.truncated = "", False
        self._log, self._line, self._logged = context.log, "", 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def write(self, data: bytes) -> None:
        """More of the stream."""
        text = self._decoder.decode(data)
        self.kept += text
        if len(self.kept) > MAX_KEPT:
            self.kept, self.truncated = self.kept[-MAX_KEPT:], True
        *lines, self._line = (self._line + text).split("\n")
        self._line = self._line[-MAX_KEPT:]
        for line in lines:
            self._say(line)

    def close(self) -> None:
        """Write the last line, which may have no line break."""
        if self._line:
            self._say(self._line)
            self._line = ""

    def _say(self, line: str) -> None:
        before = self._logged
        self._logged += len(line) + 1
        if self._logged <= MAX_LOGGED:
            self._log(line)
        elif before <= MAX_LOGGED:
            self._log("(the rest of the output is left out)")


def _pod(cluster: BlockingClient, namespace: str, parameters: Exec) -> Object:
    if parameters.name:
        return cluster.get(PODS, namespace, parameters.name)
    found = cluster.list(PODS, namespace, label_selector=parameters.selector)
    ready = [each for each in found if _ready(each)]
    if not ready:
        words = f"there is no ready pod of {parameters.selector} in namespace {namespace}"
        raise ActionError(words)
    return min(ready, key=lambda pod: str(pod["metadata"]["name"]))


def _ready(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in pod.get("status", {}).get("conditions", [])
    )


def _default_container(pod: Object) -> str:
    return str(annotations_of(pod).get(DEFAULT_CONTAINER) or pod["spec"]["containers"][0]["name"])


ACTION = Action(
    name="exec",
    title="Run a command in a pod",
    category="kubernetes",
    icon="terminal",
    parameters=Exec,
    outputs=Executed,
    run=exec_in_pod,
    retries=(
        "Retried: a command that fails, no ready pod, no connection. Not retried: a pod that does "
        "not exist, missing permissions, and unless repeatable is true, a command whose end is "
        "unknown, such as one whose start was requested without a response. There is no "
        "idempotency key: a retry runs the command again."
    ),
    classify=classify,
    rights=(
        Right(
            PODS,
            {
                "get": "read the containers of the pod that is named",
                "list": "find a ready pod by the selector",
            },
        ),
        Right(
            PODS,
            {
                "create": "run a command in the pod (Kubernetes 1.35 and later)",
                "get": "run a command in the pod",
            },
            subresource="exec",
        ),
    ),
    family=Family.COMMANDS,
    example="""
        nodes:
        - name: flags
          action: exec
          with:
            selector: app=web
            command: [sh, -c, "cat /etc/hostname"]
    """,
)
