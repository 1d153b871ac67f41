"""Bounds how many executions descend from one: several triggers multiply what one would only
lengthen."""

from __future__ import annotations

from collections import OrderedDict

from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.labels import ROOT

MAX_DESCENDANTS = 100
"""Executions that triggers start, directly or not, because of one execution."""
MAX_CHAINS = 1_000
"""Chains whose executions are counted; the oldest are counted again when they go on."""


class Chains:
    """Counts the executions of each chain: those that exist, and those created here since."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def reserve(self, namespace: str, root: str) -> bool:
        """Count one more execution of a chain, which is to be created; False if it is full."""
        key = namespace, root
        if key not in self._counts:
            found, _ = await self._client.list(
                EXECUTIONS, namespace, label_selector=f"{ROOT}={root}", metadata_only=True
            )
            self._counts.setdefault(key, len(found))
            if len(self._counts) > MAX_CHAINS:
                self._counts.popitem(last=False)
        if self._counts.get(key, 0) >= MAX_DESCENDANTS:
            return False
        self._counts[key] = self._counts.get(key, 0) + 1
        self._counts.move_to_end(key)
        return True

    def release(self, namespace: str, root: str) -> None:
        """The execution was not created."""
        key = namespace, root
        if key in self._counts:
            self._counts[key] -= 1
