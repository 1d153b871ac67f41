"""argocd-rollback: return an Application of Argo CD to an earlier deployment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.delivery.applications import (
    RIGHTS,
    ApplicationState,
    OnApplication,
    operate,
)
from orchestrator.kube.resources import APPLICATIONS


class ArgocdRollback(OnApplication):
    """Parameters of argocd-rollback."""

    id: Annotated[int | None, Field(ge=0)] = None
    """Id of a deployment in the Application's history; the one before the last if absent."""


def argocd_rollback(parameters: ArgocdRollback, context: Context) -> ApplicationState:
    """Returns an Application of Argo CD in this cluster to an earlier deployment of its history,
    and waits until it is healthy. Automated sync must be off, as it would undo the rollback."""
    app = context.cluster().get(APPLICATIONS, parameters.namespace, parameters.name)
    if _automated(app):
        raise ActionError(
            f"{parameters.shown} has automated sync: disable spec.syncPolicy.automated first, or "
            "revert the change in the source",
            permanent=True,
        )
    return operate(parameters, context, _sync(_deployment(app, parameters)))


def _automated(app: Object) -> bool:
    automated = (app["spec"].get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled", True)


def _deployment(app: Object, parameters: ArgocdRollback) -> Object:
    status = app.get("status") or {}
    history: list[Object] = status.get("history") or []
    if parameters.id is None:
        # The history has only syncs that succeeded: after one that failed, its last is to return.
        failed = (status.get("operationState") or {}).get("phase") in ("Failed", "Error")
        back = 1 if failed else 2
        if len(history) < back:
            raise ActionError(f"{parameters.shown} has no earlier deployment", permanent=True)
        return history[-back]
    for each in history:
        if each["id"] == parameters.id:
            return each
    known = ", ".join(str(each["id"]) for each in history) or "none"
    raise ActionError(
        f"{parameters.shown} has no deployment {parameters.id}; it has {known}", permanent=True
    )


def _sync(deployment: Object) -> dict[str, Any]:
    """The operation that Argo CD's server starts for a rollback."""
    names = ("revision", "revisions", "source", "sources")
    sync = {name: deployment[name] for name in names if deployment.get(name)}
    return {**sync, "syncStrategy": {"apply": {}}}


ACTION = Action(
    name="argocd-rollback",
    title="Roll back an Argo CD Application",
    category="delivery",
    icon="undo",
    parameters=ArgocdRollback,
    outputs=ApplicationState,
    run=argocd_rollback,
    retries=(
        "Retried: no response, throttling, failures of the API server, an Application that is not "
        "healthy within the timeout. Not retried: a sync that fails, automated sync, a deployment "
        "that is not in the history, missing permissions. The operation holds the idempotency key: "
        "a retry waits for the operation of an earlier attempt and starts no other."
    ),
    classify=classify,
    rights=RIGHTS,
    family=Family.APPLICATIONS,
    example="""
        nodes:
        - name: sync
          action: argocd-sync
          with: {name: shop}
        - name: rollback
          action: argocd-rollback
          with: {name: shop}
        edges:
        - {from: sync, to: rollback, outcome: Failed}
    """,
)
