"""Triggers: list, create, change, suspend, test and fire them.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.client.resource import Pages, Resource, given
from orchestrator.client.schemas.execution import WorkflowExecution
from orchestrator.client.schemas.messages import (
    Items,
    ObjectPatch,
    TriggerEvents,
    TriggerManifest,
    TriggerTest,
)
from orchestrator.client.schemas.trigger import Trigger
from orchestrator.client.transport import Stored, segment


class TriggersApi(Resource):
    """Triggers: list, create, change, suspend, test and fire them."""

    def list(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        workflow: str | None = None,
        type_: str | None = None,
        label: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Pages[Trigger]:
        """List Triggers.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `workflow`: Only of this Workflow.
        - `type_`: Only of this type.
        - `label`: A label selector, as kubectl's, such as `team=sre`.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            "/triggers",
            {
                "namespace": namespace,
                "workflow": workflow,
                "type": type_,
                "label": label,
                "sort": sort,
                "limit": limit,
                "page": page,
            },
        )

    async def create(
        self,
        body: TriggerManifest,
        *,
        namespace: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[Trigger]:
        """Create a Trigger."""
        request = self._request(
            "POST", "/triggers", {"namespace": namespace}, body, keyed=True, key=idempotency_key
        )
        return await self._stored(request)

    def list_of_workflow(
        self,
        workflow: str,
        *,
        limit: int | None = None,
        page: str | None = None,
        namespace: str | None = None,
    ) -> Pages[Trigger]:
        """List the Triggers that start a Workflow.

        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            f"/workflows/{segment(workflow)}/triggers",
            {"limit": limit, "page": page, "namespace": namespace},
        )

    async def create_of_workflow(
        self,
        workflow: str,
        body: TriggerManifest,
        *,
        namespace: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[Trigger]:
        """Create a Trigger that starts this Workflow; `spec.workflow` may be left out."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/triggers",
            {"namespace": namespace},
            body,
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def get(self, trigger: str, *, namespace: str | None = None) -> Stored[Trigger]:
        """Read a Trigger."""
        request = self._request("GET", f"/triggers/{segment(trigger)}", {"namespace": namespace})
        return await self._stored(request)

    async def replace(
        self, trigger: str, body: TriggerManifest, *, namespace: str | None = None, if_match: str
    ) -> Stored[Trigger]:
        """Replace a Trigger's spec, labels and annotations. Needs its ETag, or `*`."""
        request = self._request(
            "PUT",
            f"/triggers/{segment(trigger)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def patch(
        self,
        trigger: str,
        body: ObjectPatch,
        *,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> Stored[Trigger]:
        """Change a Trigger by a JSON merge patch."""
        request = self._request(
            "PATCH",
            f"/triggers/{segment(trigger)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def delete(self, trigger: str, *, namespace: str | None = None, if_match: str) -> None:
        """Delete a Trigger. Needs its ETag, or `*`."""
        request = self._request(
            "DELETE", f"/triggers/{segment(trigger)}", {"namespace": namespace}, if_match=if_match
        )
        await self._read(request)

    async def suspend(self, trigger: str, *, namespace: str | None = None) -> Stored[Trigger]:
        """Suspend a Trigger: it starts nothing."""
        request = self._request(
            "POST", f"/triggers/{segment(trigger)}/suspend", {"namespace": namespace}, repeat=True
        )
        return await self._stored(request)

    async def resume(self, trigger: str, *, namespace: str | None = None) -> Stored[Trigger]:
        """Resume a suspended Trigger."""
        request = self._request(
            "POST", f"/triggers/{segment(trigger)}/resume", {"namespace": namespace}, repeat=True
        )
        return await self._stored(request)

    async def test(
        self,
        trigger: str,
        *,
        namespace: str | None = None,
        event: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        execution: str | None = None,
    ) -> TriggerTest:
        """Say what a Trigger would do with an event, and start nothing, as `orchestrator trigger
        test` does. Without an event, it is tried with the next slot or a sample of its type.

        - `event`: The event's data; by default that of the next slot, or of the type's sample.
        - `inputs`: The inputs of a Trigger of the type manual.
        - `execution`: An ended execution, for a Trigger that fires for executions.
        """
        request = self._request(
            "POST",
            f"/triggers/{segment(trigger)}/test",
            {"namespace": namespace},
            given({"event": event, "inputs": inputs, "execution": execution}),
            repeat=True,
        )
        value: TriggerTest = await self._read(request)
        return value

    async def fire(
        self,
        trigger: str,
        *,
        namespace: str | None = None,
        event: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        execution: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[WorkflowExecution]:
        """Start the Trigger's execution in your own name, suspended or not, as `orchestrator
        trigger run` does.

        - `event`: The event's data; by default that of the next slot, or of the type's sample.
        - `inputs`: The inputs of a Trigger of the type manual.
        - `execution`: An ended execution, for a Trigger that fires for executions.
        """
        request = self._request(
            "POST",
            f"/triggers/{segment(trigger)}/fire",
            {"namespace": namespace},
            given({"event": event, "inputs": inputs, "execution": execution}),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def next_times(
        self, trigger: str, *, count: int | None = None, namespace: str | None = None
    ) -> Items:
        """List the times at which a Trigger with a schedule fires next, jitter included.

        - `count`: How many.
        """
        request = self._request(
            "GET", f"/triggers/{segment(trigger)}/next", {"count": count, "namespace": namespace}
        )
        value: Items = await self._read(request)
        return value

    async def events(
        self, trigger: str, *, limit: int | None = None, namespace: str | None = None
    ) -> TriggerEvents:
        """List the recent events that started executions, the newest first, with the counts of
        all events and the last error.

        - `limit`: Maximum number of items of a page.
        """
        request = self._request(
            "GET", f"/triggers/{segment(trigger)}/events", {"limit": limit, "namespace": namespace}
        )
        value: TriggerEvents = await self._read(request)
        return value
