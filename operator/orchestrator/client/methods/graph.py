"""The nodes and edges of a Workflow.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from orchestrator.client.resource import Resource, given
from orchestrator.client.schemas.messages import (
    GraphEdge,
    GraphNode,
    Items,
    LayoutOfNodes,
    RemovedNode,
)
from orchestrator.client.transport import Stored, segment


class GraphApi(Resource):
    """The nodes and edges of a Workflow."""

    async def list_nodes(self, workflow: str, *, namespace: str | None = None) -> Stored[Items]:
        """List the nodes of a Workflow."""
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/nodes", {"namespace": namespace}
        )
        return await self._stored(request)

    async def add_node(
        self,
        workflow: str,
        body: dict[str, Any],
        *,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> Stored[GraphNode]:
        """Add a node. The Workflow must be valid with it."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/nodes",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def get_node(
        self, workflow: str, node: str, *, namespace: str | None = None
    ) -> Stored[GraphNode]:
        """Read a node."""
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/nodes/{segment(node)}", {"namespace": namespace}
        )
        return await self._stored(request)

    async def replace_node(
        self,
        workflow: str,
        node: str,
        body: dict[str, Any],
        *,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> Stored[GraphNode]:
        """Replace a node; its edges stay."""
        request = self._request(
            "PUT",
            f"/workflows/{segment(workflow)}/nodes/{segment(node)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def patch_node(
        self,
        workflow: str,
        node: str,
        body: dict[str, Any],
        *,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> Stored[GraphNode]:
        """Change a node by a JSON merge patch."""
        request = self._request(
            "PATCH",
            f"/workflows/{segment(workflow)}/nodes/{segment(node)}",
            {"namespace": namespace},
            body,
            if_match=if_match,
        )
        return await self._stored(request)

    async def remove_node(
        self, workflow: str, node: str, *, namespace: str | None = None, if_match: str | None = None
    ) -> Stored[RemovedNode]:
        """Remove a node with its edges, which the answer lists."""
        request = self._request(
            "DELETE",
            f"/workflows/{segment(workflow)}/nodes/{segment(node)}",
            {"namespace": namespace},
            if_match=if_match,
        )
        return await self._stored(request)

    async def list_edges(self, workflow: str, *, namespace: str | None = None) -> Stored[Items]:
        """List the edges of a Workflow."""
        request = self._request(
            "GET", f"/workflows/{segment(workflow)}/edges", {"namespace": namespace}
        )
        return await self._stored(request)

    async def add_edge(
        self,
        workflow: str,
        *,
        namespace: str | None = None,
        from_: str,
        to: str,
        outcome: Literal["Succeeded", "Failed", "Always", "Then", "Else"] | None = None,
        when: str | None = None,
        if_match: str | None = None,
    ) -> Stored[GraphEdge]:
        """Add an edge between two nodes."""
        request = self._request(
            "POST",
            f"/workflows/{segment(workflow)}/edges",
            {"namespace": namespace},
            given({"from": from_, "to": to, "outcome": outcome, "when": when}),
            if_match=if_match,
        )
        return await self._stored(request)

    async def remove_edge(
        self,
        workflow: str,
        *,
        from_: str,
        to: str,
        outcome: Literal["", "Succeeded", "Failed", "Always", "Then", "Else"] | None = None,
        namespace: str | None = None,
        if_match: str | None = None,
    ) -> None:
        """Remove an edge.

        - `from_`: Its source.
        - `to`: Its target.
        - `outcome`: Of several edges between the two, the one with this outcome.
        """
        request = self._request(
            "DELETE",
            f"/workflows/{segment(workflow)}/edges",
            {"from": from_, "to": to, "outcome": outcome, "namespace": namespace},
            if_match=if_match,
        )
        await self._read(request)

    async def set_layout(
        self,
        workflow: str,
        *,
        namespace: str | None = None,
        layout: Mapping[str, Sequence[float]],
        if_match: str | None = None,
    ) -> Stored[LayoutOfNodes]:
        """Set the positions of nodes in an editor; no execution depends on them."""
        request = self._request(
            "PUT",
            f"/workflows/{segment(workflow)}/layout",
            {"namespace": namespace},
            given({"layout": layout}),
            if_match=if_match,
        )
        return await self._stored(request)
