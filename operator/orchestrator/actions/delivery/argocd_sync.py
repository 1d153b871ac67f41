"""argocd-sync: sync an Application of Argo CD and wait until it is healthy."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family
from orchestrator.actions.cluster import classify
from orchestrator.actions.delivery.applications import (
    RIGHTS,
    ApplicationState,
    OnApplication,
    operate,
)


class ArgocdSync(OnApplication):
    """Parameters of argocd-sync."""

    revision: Annotated[str, Field(max_length=256)] = ""
    """Revision of the source; the Application's own if empty."""
    sync_options: Annotated[list[str], Field(max_length=32)] = []
    """Options of this sync, such as CreateNamespace=true or ServerSideApply=true."""


def argocd_sync(parameters: ArgocdSync, context: Context) -> ApplicationState:
    """Syncs an Application of Argo CD in this cluster, and waits until it is synced and healthy.
    Waits for an operation in progress first."""
    sync: dict[str, Any] = {"syncStrategy": {"hook": {}}}
    if parameters.revision:
        sync["revision"] = parameters.revision
    if parameters.sync_options:
        sync["syncOptions"] = parameters.sync_options
    return operate(parameters, context, sync)


ACTION = Action(
    name="argocd-sync",
    title="Sync an Argo CD Application",
    category="delivery",
    icon="refresh",
    parameters=ArgocdSync,
    outputs=ApplicationState,
    run=argocd_sync,
    retries=(
        "Retried: no response, throttling, failures of the API server, an Application that is not "
        "synced and healthy within the timeout. Not retried: a sync that fails, an Application "
        "that does not exist, missing permissions. The operation holds the idempotency key: a "
        "retry waits for the operation of an earlier attempt and starts no other."
    ),
    classify=classify,
    rights=RIGHTS,
    family=Family.APPLICATIONS,
    example="""
        nodes:
        - name: sync
          action: argocd-sync
          with: {name: shop, revision: v1.4.0, prune: true}
    """,
)
