"""Workflows: list, create, change, copy, validate and run them.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from orchestrator.client.resource import Pages, Resource, given
from orchestrator.client.schemas.execution import WorkflowExecution
from orchestrator.client.schemas.messages import (
    Items,
    Metrics,
    ObjectPatch,
    Revision,
    Revisions,
    Validation,
    WorkflowManifest,
    WorkflowState,
)
from orchestrator.client.schemas.workflow import Workflow
from orchestrator.client.transport import Stored, segment


class WorkflowsApi(Resource):
    """Workflows: list, create, change, copy, validate and run them."""

    def list(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        state: WorkflowState | Sequence[WorkflowState] | None = None,
        text: str | None = None,
        label: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Pages[Workflow]:
        """List Workflows. Archived ones are listed only where `state` asks for them.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `state`: Only Workflows in this state; repeatable.
        - `text`: Only objects whose name, title or description contains it.
        - `label`: A label selector, as kubectl's, such as `team=sre`.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            "/workflows",
            {
                "namespace": namespace,
                "state": state,
                "text": text,
                "label": label,
                "sort": sort,
                "limit": limit,
                "page": page,
            },
        )

    async def create(
        self,
        body: WorkflowManifest,
        *,
        namespace: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[Workflow]:
        """Create a Workflow, after the checks that `orchestrator apply` makes."""
        request = self._request(
            "POST", "/workflows", {"namespace": namespace}, body, keyed=True, key=idempotency_key
        )
        return await self._stored(request)

    async def get(self, workflow: str, *, namespace: str | None = None) -> Stored[Workflow]:
        """Read a Workflow."""
        request = self._request("GET", f"/workflows/{segment(workflow)}", {"namespace": namespace})
        return await self._stored(request)

    async def replace(
        self, workflow: str, body: WorkflowManifest, *, namespace: str | None = None, if_match: str
    ) -> Stored[Workflow]:
        """Replace a Workflow's spec, labels and annotations. Needs its ETag, or `*`."""
        request = self._request(
            "PUT",
            f"/workflows/{segment(workflow)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def patch(
        self,
        workflow: str,
        body: ObjectPatch,
        *,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> Stored[Workflow]:
        """Change a Workflow by a JSON merge patch of `spec`, `metadata.labels` and
        `metadata.annotations`.
        """
        request = self._request(
            "PATCH",
            f"/workflows/{segment(workflow)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def delete(self, workflow: str, *, namespace: str | None = None, if_match: str) -> None:
        """Delete a Workflow; its executions stay. Needs its ETag, or `*`."""
        request = self._request(
            "DELETE", f"/workflows/{segment(workflow)}", {"namespace": namespace}, if_match=if_match
        )
        await self._read(request)

    async def activate(
        self, workflow: str, *, namespace: str | None = None, if_match: str | None = None
    ) -> Stored[Workflow]:
        """Set the state Active: it can be started."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/activate",
            {"namespace": namespace},
            if_match=if_match,
            repeat=True,
        )
        return await self._stored(request)

    async def deactivate(
        self, workflow: str, *, namespace: str | None = None, if_match: str | None = None
    ) -> Stored[Workflow]:
        """Set the state Inactive: nothing starts it."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/deactivate",
            {"namespace": namespace},
            if_match=if_match,
            repeat=True,
        )
        return await self._stored(request)

    async def archive(
        self, workflow: str, *, namespace: str | None = None, if_match: str | None = None
    ) -> Stored[Workflow]:
        """Set the state Archived: nothing starts it, and lists leave it out."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/archive",
            {"namespace": namespace},
            if_match=if_match,
            repeat=True,
        )
        return await self._stored(request)

    async def duplicate(
        self,
        workflow: str,
        *,
        namespace: str | None = None,
        name: str,
        to_namespace: str | None = None,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[Workflow]:
        """Create a copy of a Workflow under another name, as a Draft. Labels by which Helm, Argo
        CD and Flux know what is theirs are left out, or they would remove it.

        - `to_namespace`: That of the original if absent.
        """
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/duplicate",
            {"namespace": namespace},
            given({"name": name, "namespace": to_namespace, "title": title}),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def validate(self, workflow: str, *, namespace: str | None = None) -> Validation:
        """Check a Workflow as `orchestrator lint` does: against the Templates and Workflows that
        are there now.
        """
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/validate",
            {"namespace": namespace},
            repeat=True,
        )
        value: Validation = await self._read(request)
        return value

    async def validate_manifest(
        self, body: WorkflowManifest, *, namespace: str | None = None
    ) -> Validation:
        """Check a manifest that is not stored."""
        request = self._request(
            "POST", "/workflows/validate", {"namespace": namespace}, body, repeat=True
        )
        value: Validation = await self._read(request)
        return value

    async def execute(
        self,
        workflow: str,
        *,
        namespace: str | None = None,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[WorkflowExecution]:
        """Start an execution, after the checks that `orchestrator run` makes.

        - `name`: The name of the execution; generated if absent.
        - `dry_run`: Check everything, and create nothing.
        """
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/execute",
            {"namespace": namespace},
            given({"variables": variables, "name": name, "dryRun": dry_run}),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def metrics(self, workflow: str, *, namespace: str | None = None) -> Metrics:
        """Read the metrics of a Workflow: executions by phase, success rate, durations. With a
        history, of all executions that it or the cluster has; otherwise of those that the
        operator has counted since the Workflow was created.
        """
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/metrics", {"namespace": namespace}
        )
        value: Metrics = await self._read(request)
        return value

    async def revisions(self, workflow: str, *, namespace: str | None = None) -> Revisions:
        """List the revisions that the executions of a Workflow run, the newest first. With a
        history, of all executions that it or the cluster has, also of a Workflow that was
        deleted, which is named by its name.
        """
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/revisions", {"namespace": namespace}
        )
        value: Revisions = await self._read(request)
        return value

    async def revision(
        self, workflow: str, revision: str, *, namespace: str | None = None
    ) -> Revision:
        """Read what a revision runs: the Workflow and its actions, as they were frozen. Takes
        the right to get ControllerRevisions.
        """
        request = self._request(
            "GET",
            f"/workflows/{segment(workflow)}/revisions/{segment(revision)}",
            {"namespace": namespace},
        )
        value: Revision = await self._read(request)
        return value

    async def graph(
        self,
        workflow: str,
        *,
        format_: Literal["svg", "mermaid", "dot"] | None = None,
        namespace: str | None = None,
    ) -> str:
        """Draw the graph of a Workflow."""
        request = self._request(
            "GET",
            f"/workflows/{segment(workflow)}/graph",
            {"format": format_, "namespace": namespace},
        )
        return await self._text(request)

    async def export(self, workflow: str, *, namespace: str | None = None) -> str:
        """Export a Workflow as YAML that can be applied elsewhere: without namespace, status and
        what the API server adds. The same Workflow gives the same text.
        """
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/export", {"namespace": namespace}
        )
        return await self._text(request)

    async def import_manifests(
        self,
        body: Any,
        *,
        namespace: str | None = None,
        force: bool | None = None,
        dry_run: bool | None = None,
    ) -> Items:
        """Apply Workflows (server-side), all of them checked before the first is stored. A field
        that another manager owns is a conflict, unless forced.

        - `force`: Take over fields that another manager, such as GitOps, owns.
        - `dry_run`: Check everything, and store nothing.
        """
        request = self._request(
            "POST",
            "/workflows/import",
            {"namespace": namespace, "force": force, "dryRun": dry_run},
            body,
            repeat=True,
        )
        value: Items = await self._read(request)
        return value
