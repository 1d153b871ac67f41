"""Templates of whole workflows.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.client.resource import Pages, Resource, given
from orchestrator.client.schemas.template import Template
from orchestrator.client.schemas.workflow import Workflow
from orchestrator.client.transport import Stored, segment


class TemplatesApi(Resource):
    """Templates of whole workflows."""

    def list(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        text: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Pages[Template]:
        """List Templates of whole workflows: ClusterTemplates, and the Templates of namespaces.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `text`: Only objects whose name, title or description contains it.
        - `sort`: The field to sort by; with `-` before it, descending.
        - `limit`: Maximum number of items of a page.
        - `page`: The `next` of the previous page, with the same query.
        """
        return Pages(
            self._transport,
            "/templates",
            {"namespace": namespace, "text": text, "sort": sort, "limit": limit, "page": page},
        )

    async def get(self, template: str, *, namespace: str | None = None) -> Stored[Template]:
        """Read a Template: a name is a ClusterTemplate's, `NAMESPACE:NAME` a Template's."""
        request = self._request("GET", f"/templates/{segment(template)}", {"namespace": namespace})
        return await self._stored(request)

    async def use(
        self,
        template: str,
        *,
        namespace: str | None = None,
        name: str,
        to_namespace: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Stored[Workflow]:
        """Create a Workflow from a Template, after the checks that `orchestrator new` makes.

        - `to_namespace`: `default` if absent; of a Template, its own.
        - `dry_run`: Check everything, and create nothing.
        """
        request = self._request(
            "POST",
            f"/templates/{segment(template)}/use",
            {"namespace": namespace},
            given(
                {
                    "name": name,
                    "namespace": to_namespace,
                    "parameters": parameters,
                    "dryRun": dry_run,
                }
            ),
            keyed=True,
            key=idempotency_key,
        )
        return await self._stored(request)
