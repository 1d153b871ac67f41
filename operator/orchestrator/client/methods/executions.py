"""Executions: list them, read them, follow and control them.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from orchestrator.client.lines import Event
from orchestrator.client.resource import Pages, Resource, given
from orchestrator.client.schemas.execution import WorkflowExecution
from orchestrator.client.schemas.messages import (
    Decided,
    ExecutionPhase,
    Explanation,
    NodeRecord,
    NodeRecords,
)
from orchestrator.client.transport import Stored, segment


class ExecutionsApi(Resource):
    """Executions: list them, read them, follow and control them."""

    def list(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        phase: ExecutionPhase | Sequence[ExecutionPhase] | None = None,
        workflow: str | None = None,
        since: str | None = None,
        label: str | None = None,
        from_history: bool | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Pages[WorkflowExecution]:
        """List executions, the newest first.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `phase`: Only executions in this phase; repeatable.
        - `workflow`: Only of this Workflow.
        - `since`: Created within this time, such as `2h` or `7d`.
        - `label`: A label selector, as kubectl's, such as `team=sre`.
        - `from_history`: Only executions whose objects have been removed.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            "/executions",
            {
                "namespace": namespace,
                "phase": phase,
                "workflow": workflow,
                "since": since,
                "label": label,
                "fromHistory": from_history,
                "sort": sort,
                "limit": limit,
                "page": page,
            },
        )

    def list_of_workflow(
        self,
        workflow: str,
        *,
        phase: ExecutionPhase | Sequence[ExecutionPhase] | None = None,
        since: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
        namespace: str | None = None,
    ) -> Pages[WorkflowExecution]:
        """List the executions of a Workflow, the newest first.

        - `phase`: Only executions in this phase; repeatable.
        - `since`: Created within this time, such as `2h` or `7d`.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            f"/workflows/{segment(workflow)}/executions",
            {
                "phase": phase,
                "since": since,
                "sort": sort,
                "limit": limit,
                "page": page,
                "namespace": namespace,
            },
        )

    async def get(
        self, execution: str, *, namespace: str | None = None
    ) -> Stored[WorkflowExecution]:
        """Read an execution with the records of its nodes."""
        request = self._request(
            "GET", f"/executions/{segment(execution)}", {"namespace": namespace}
        )
        return await self._stored(request)

    async def nodes(self, execution: str, *, namespace: str | None = None) -> NodeRecords:
        """List the nodes that have started, with their records."""
        request = self._request(
            "GET", f"/executions/{segment(execution)}/nodes", {"namespace": namespace}
        )
        value: NodeRecords = await self._read(request)
        return value

    async def node(self, execution: str, node: str, *, namespace: str | None = None) -> NodeRecord:
        """Read the record of a node that has started."""
        request = self._request(
            "GET",
            f"/executions/{segment(execution)}/nodes/{segment(node)}",
            {"namespace": namespace},
        )
        value: NodeRecord = await self._read(request)
        return value

    async def explain(
        self, execution: str, *, node: str | None = None, namespace: str | None = None
    ) -> Explanation:
        """Explain the states of an execution and its nodes, as `orchestrator explain` does.

        - `node`: Only this node.
        """
        request = self._request(
            "GET",
            f"/executions/{segment(execution)}/explain",
            {"node": node, "namespace": namespace},
        )
        value: Explanation = await self._read(request)
        return value

    async def pause(
        self, execution: str, *, namespace: str | None = None
    ) -> Stored[WorkflowExecution]:
        """Start nothing new; what runs goes on. Takes the verb `control`."""
        request = self._request(
            "POST", f"/executions/{segment(execution)}/pause", {"namespace": namespace}, repeat=True
        )
        return await self._stored(request)

    async def resume(
        self, execution: str, *, namespace: str | None = None
    ) -> Stored[WorkflowExecution]:
        """Resume a paused execution. Takes the verb `control`."""
        request = self._request(
            "POST",
            f"/executions/{segment(execution)}/resume",
            {"namespace": namespace},
            repeat=True,
        )
        return await self._stored(request)

    async def cancel(
        self, execution: str, *, force: bool | None = None, namespace: str | None = None
    ) -> Stored[WorkflowExecution]:
        """Cancel an execution, which cannot be undone. Takes the verb `control`.

        - `force`: Terminate it: by force, without its `finally` nodes.
        """
        request = self._request(
            "POST",
            f"/executions/{segment(execution)}/cancel",
            {"force": force, "namespace": namespace},
            repeat=True,
        )
        return await self._stored(request)

    async def rerun(
        self,
        execution: str,
        *,
        namespace: str | None = None,
        from_: Sequence[str] | None = None,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[WorkflowExecution]:
        """Run an ended execution again, as `orchestrator rerun` does. Takes the verb `rerun`, or
        with `variables` the right to create executions.

        - `from_`: The nodes that run again, with all that follow; those that did not succeed if
          empty.
        - `variables`: Variables to change: then the whole workflow runs again, and `from` is
          empty.
        """
        request = self._request(
            "POST",
            f"/executions/{segment(execution)}/rerun",
            {"namespace": namespace},
            given({"from": from_, "variables": variables, "name": name}),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def signal(
        self,
        execution: str,
        *,
        namespace: str | None = None,
        name: str,
        payload: Mapping[str, Any] | None = None,
        id_: str | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[WorkflowExecution]:
        """Send a signal in your own name. Takes the verb `signal`.

        - `id_`: A signal with the same id counts once; the Idempotency-Key, or a random id, if
          absent.
        """
        request = self._request(
            "POST",
            f"/executions/{segment(execution)}/signal",
            {"namespace": namespace},
            given({"name": name, "payload": payload, "id": id_}),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)

    async def decide(
        self,
        execution: str,
        *,
        namespace: str | None = None,
        decision: Literal["Approve", "Reject"],
        node: str | None = None,
        comment: str | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Decided:
        """Approve or reject in your own name; a decision that would not count is refused. Takes
        the verb `approve`.

        - `node`: The approval; the only one that is pending if absent.
        """
        request = self._request(
            "POST",
            f"/executions/{segment(execution)}/decide",
            {"namespace": namespace},
            given({"decision": decision, "node": node, "comment": comment, "inputs": inputs}),
        )
        value: Decided = await self._read(request)
        return value

    def events(
        self, execution: str, *, namespace: str | None = None, last_event_id: str | None = None
    ) -> AsyncIterator[Event]:
        """Stream the changes of an execution (server-sent events) until it ends. Each event
        `execution` has the state and the records of the nodes that changed since the one
        before; the first has all. A reader who is slow receives the latest state. The last
        event is `end`; a reader who comes back after it gets 204.
        """
        request = self._request(
            "GET", f"/executions/{segment(execution)}/events", {"namespace": namespace}
        )
        return self._events(request, last_event_id or "")

    def all_logs(
        self,
        execution: str,
        *,
        node: str | None = None,
        gone: bool | None = None,
        namespace: str | None = None,
        follow: bool | None = None,
        tail: int | None = None,
        since: str | None = None,
        attempt: int | None = None,
        item: int | None = None,
        failed: bool | None = None,
        timestamps: bool | None = None,
        search: str | None = None,
    ) -> AsyncIterator[str]:
        """Read the logs of all nodes, as `orchestrator logs` prints them: the lines of all pods
        in the order in which they were written. Kept logs as for one node.

        - `node`: Only this node.
        - `gone`: Only logs of pods that are gone; they are not followed.
        - `follow`: Stream new lines until the execution ends.
        - `tail`: Last lines of each pod.
        - `since`: Only lines newer than this, such as `10m`.
        - `attempt`: Only this one.
        - `item`: Only this item of a fan-out.
        - `failed`: Only attempts and items that failed.
        - `timestamps`: Before each line.
        - `search`: Only lines that contain this, in any case.
        """
        request = self._request(
            "GET",
            f"/executions/{segment(execution)}/logs",
            {
                "node": node,
                "gone": gone,
                "namespace": namespace,
                "follow": follow,
                "tail": tail,
                "since": since,
                "attempt": attempt,
                "item": item,
                "failed": failed,
                "timestamps": timestamps,
                "search": search,
            },
        )
        return self._lines(request)

    def logs(
        self,
        execution: str,
        node: str,
        *,
        namespace: str | None = None,
        follow: bool | None = None,
        tail: int | None = None,
        since: str | None = None,
        attempt: int | None = None,
        item: int | None = None,
        failed: bool | None = None,
        timestamps: bool | None = None,
        search: str | None = None,
    ) -> AsyncIterator[str]:
        """Read the logs of a node from its pods, as `orchestrator logs` prints them. Where a pod
        is gone, its log is read from the history, if it was kept there; this takes the right
        to `get` `pods/log` in the namespace.

        - `follow`: Stream new lines until the execution ends.
        - `tail`: Last lines of each pod.
        - `since`: Only lines newer than this, such as `10m`.
        - `attempt`: Only this one.
        - `item`: Only this item of a fan-out.
        - `failed`: Only attempts and items that failed.
        - `timestamps`: Before each line.
        - `search`: Only lines that contain this, in any case.
        """
        request = self._request(
            "GET",
            f"/executions/{segment(execution)}/nodes/{segment(node)}/logs",
            {
                "namespace": namespace,
                "follow": follow,
                "tail": tail,
                "since": since,
                "attempt": attempt,
                "item": item,
                "failed": failed,
                "timestamps": timestamps,
                "search": search,
            },
        )
        return self._lines(request)

    async def graph(
        self,
        execution: str,
        *,
        format_: Literal["svg", "mermaid", "dot"] | None = None,
        namespace: str | None = None,
    ) -> str:
        """Draw the graph of an execution, its nodes coloured by phase."""
        request = self._request(
            "GET",
            f"/executions/{segment(execution)}/graph",
            {"format": format_, "namespace": namespace},
        )
        return await self._text(request)
