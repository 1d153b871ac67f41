"""The kinds of nodes, triggers and actions, with the schemas of their fields.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from orchestrator.client.resource import Resource
from orchestrator.client.schemas.messages import Types


class TypesApi(Resource):
    """The kinds of nodes, triggers and actions, with the schemas of their fields."""

    async def nodes(self) -> Types:
        """List the kinds of nodes, each with the JSON Schema of its fields."""
        request = self._request("GET", "/node-types", {})
        value: Types = await self._read(request)
        return value

    async def triggers(self) -> Types:
        """List the types of Triggers, each with the JSON Schemas of its settings and events."""
        request = self._request("GET", "/trigger-types", {})
        value: Types = await self._read(request)
        return value

    async def actions(self, *, namespace: str | None = None) -> Types:
        """List the actions that a Workflow of a namespace can use, each with the JSON Schemas of
        its parameters and outputs; `type` is what a node's `action` names.
        """
        request = self._request("GET", "/action-types", {"namespace": namespace})
        value: Types = await self._read(request)
        return value
