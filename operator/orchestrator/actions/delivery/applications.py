"""Operations on Applications of Argo CD, as its server starts them: the field `operation` of the
object, which the application controller carries out and records in status.operationState."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import ActionError, Context, Outputs, Parameters, Right
from orchestrator.actions.cluster import Object, guarded
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.kube.resources import APPLICATIONS
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

KEY = "Workflow-Key"
"""Name of the operation's info that holds the idempotency key."""
POLL = 2.0
"""Seconds between two reads."""
RIGHTS = (
    Right(
        APPLICATIONS,
        {"get": "read the state of the Application", "patch": "start the operation"},
    ),
)


class OnApplication(Parameters):
    """An Application, and how long to wait for it."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Application."""
    namespace: Annotated[str, Field(max_length=63)] = "argocd"
    """Namespace of the Application; the action needs its rights there."""
    prune: bool = False
    """Whether to delete objects that are no longer in the source."""
    wait_healthy: bool = True
    """Whether to wait until the Application is healthy."""
    timeout: Duration = "10m"
    """Maximum total time."""

    @property
    def shown(self) -> str:
        """The Application as messages name it."""
        return f"Application {self.namespace}/{self.name}"


class ApplicationState(Outputs):
    """Outputs of an operation on an Application."""

    bulky = ("message",)

    revision: str
    """Revision that was synced; those of several sources are joined by commas."""
    sync: str
    """State of the comparison with the source: Synced, OutOfSync or Unknown."""
    health: str
    """Health: Healthy, Progressing, Degraded, Suspended, Missing or Unknown."""
    message: str = ""
    """Argo CD's message about the operation."""
    repeated: bool = False
    """Whether an earlier attempt had started the operation."""
    truncated: bool = False
    """Whether an output was truncated."""


def operate(parameters: OnApplication, context: Context, sync: Object) -> ApplicationState:
    """Start a sync operation unless an earlier attempt has, and wait for its end and for health.

    Waits for an operation in progress first. Raises ActionError: permanent if the operation fails,
    transient at the timeout.
    """
    cluster, key, clock = context.cluster(), context.identity.key, context.clock
    deadline = clock.monotonic() + parse_duration(parameters.timeout)
    repeated, started, last = False, False, ""
    while True:
        app = cluster.get(APPLICATIONS, parameters.namespace, parameters.name)
        state, mine, message = _progress(app, key)
        if mine and not started:
            repeated = started = True
        elif not mine and not started and not app.get("operation") and state != "Running":
            started = _start(parameters, context, cluster, sync)
            message = "the operation is started"
        if mine and state in ("Failed", "Error"):
            raise ActionError(f"the sync of {parameters.shown} failed: {message}", permanent=True)
        if mine and state == "Succeeded" and _healthy(app, parameters):
            context.log(f"{parameters.shown} is synced and {_of(app, 'health') or 'Unknown'}")
            return _outputs(app, repeated=repeated)
        shown = f"{message or 'waiting'}; health {_of(app, 'health') or 'Unknown'}"
        if shown != last:
            context.log(f"{parameters.shown}: {shown}")
            last = shown
        if clock.monotonic() + POLL > deadline:
            raise ActionError(f"{parameters.shown} is not done after the timeout: {shown}")
        clock.sleep(POLL)


def _progress(app: Object, key: str) -> tuple[str, bool, str]:
    """The phase of the last operation, whether it is this action's, and its message."""
    pending = app.get("operation")
    if pending:
        return "Running", _has(pending, key), "an operation is pending"
    state = (app.get("status") or {}).get("operationState") or {}
    mine = _has(state.get("operation") or {}, key)
    return state.get("phase", ""), mine, " ".join(str(state.get("message", "")).split())[:500]


def _has(operation: Object, key: str) -> bool:
    infos = operation.get("info") or []
    return any(each.get("name") == KEY and each.get("value") == key for each in infos)


def _start(
    parameters: OnApplication, context: Context, cluster: BlockingClient, sync: Object
) -> bool:
    """Set the operation, only if there is none meanwhile; whether it was set."""
    identity = context.identity
    operation = {
        "initiatedBy": {"username": f"{identity.namespace}/{identity.workflow}"},
        "info": [{"name": KEY, "value": identity.key}],
        "sync": {**sync, **({"prune": True} if parameters.prune else {})},
    }

    def change(app: Object) -> Object | None:
        if app.get("operation"):
            return None
        if app["metadata"].get("deletionTimestamp"):
            raise ActionError(f"{parameters.shown} is being deleted", permanent=True)
        return {"operation": operation, "status": {"operationState": None}}

    _, written = guarded(cluster, APPLICATIONS, parameters.namespace, parameters.name, change)
    return written


def _healthy(app: Object, parameters: OnApplication) -> bool:
    return not parameters.wait_healthy or (
        _is_reconciled(app) and _of(app, "health") in ("Healthy", "Suspended")
    )


def _is_reconciled(app: Object) -> bool:
    """Whether the health is that after the operation: Argo CD computes it when it reconciles."""
    status = app.get("status") or {}
    finished = (status.get("operationState") or {}).get("finishedAt") or ""
    return bool(finished) and (status.get("reconciledAt") or "") >= finished


def _of(app: Object, part: str) -> str:
    return str(((app.get("status") or {}).get(part) or {}).get("status", ""))


def _outputs(app: Object, *, repeated: bool) -> ApplicationState:
    state = app["status"]["operationState"]
    result = state.get("syncResult") or {}
    revisions = result.get("revisions") or [result.get("revision", "")]
    return ApplicationState(
        revision=",".join(revisions),
        sync=_of(app, "sync"),
        health=_of(app, "health"),
        message=str(state.get("message", "")),
        repeated=repeated,
    )
