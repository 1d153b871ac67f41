"""The actions that nodes run.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.client.resource import Pages, Resource, given
from orchestrator.client.schemas.messages import Validation
from orchestrator.client.schemas.template import Template
from orchestrator.client.transport import Stored, segment


class ActionsApi(Resource):
    """The actions that nodes run."""

    def list(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        text: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Pages[Template]:
        """List actions: ClusterTemplates, and the Templates of namespaces.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `text`: Only objects whose name, title or description contains it.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            "/actions",
            {"namespace": namespace, "text": text, "sort": sort, "limit": limit, "page": page},
        )

    async def get(self, action: str, *, namespace: str | None = None) -> Stored[Template]:
        """Read an action: a name is a ClusterTemplate's, `NAMESPACE:NAME` a Template's."""
        request = self._request("GET", f"/actions/{segment(action)}", {"namespace": namespace})
        return await self._stored(request)

    async def test(
        self, action: str, *, namespace: str | None = None, with_: Mapping[str, Any] | None = None
    ) -> Validation:
        """Check parameters for an action, as a node that uses it is checked. Nothing runs: to
        run it, create a Workflow.
        """
        request = self._request(
            "POST",
            f"/actions/{segment(action)}/test",
            {"namespace": namespace},
            given({"with": with_}),
            repeat=True,
        )
        value: Validation = await self._read(request)
        return value
