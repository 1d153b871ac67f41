"""Sets the condition Recorded on executions that the history has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from orchestrator.engine.status.conditions import is_recorded, with_recorded
from orchestrator.history.cluster_reader import ClusterReader
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.process.bounded_set import BoundedSet

logger = logging.getLogger(__name__)

FIELD_MANAGER = "itechsmart-workflow-history"
"""The field manager of the condition: shows in `metadata.managedFields` that it is set."""
MAX_REFUSED = 10_000
"""Maximum number of refusals that are remembered, so that each is logged once."""


class MarkResult(Enum):
    """The result of an attempt to set the condition."""

    DONE = auto()
    """The condition is set, or the execution is deleted."""
    CHANGED = auto()
    """The execution has changed since it was read; read it again."""
    REFUSED = auto()
    """The API server refuses the write: a missing right, or a policy."""


class Marker:
    """Writes the condition, guarded by the version that was read. Raises ApiError."""

    def __init__(
        self, client: ApiClient, reader: ClusterReader, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._reader = reader
        self._clock = clock
        self._refused: BoundedSet[str] = BoundedSet(MAX_REFUSED)

    async def mark(self, raw: Mapping[str, Any]) -> MarkResult:
        """Set the condition on an execution as it was read."""
        metadata, status = raw["metadata"], raw.get("status") or {}
        if is_recorded(status):
            return MarkResult.DONE
        generation = metadata.get("generation", 0)
        conditions = with_recorded(status.get("conditions") or (), generation, self._clock())
        guard = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        async with self._reader.slots:
            try:
                await self._client.patch(
                    EXECUTIONS,
                    metadata["namespace"],
                    metadata["name"],
                    {"metadata": guard, "status": {"conditions": conditions}},
                    subresource="status",
                    metadata_only=True,
                    field_manager=FIELD_MANAGER,
                )
            except ApiError as error:
                return self._outcome(metadata, error)
        return MarkResult.DONE

    def _outcome(self, metadata: Mapping[str, Any], error: ApiError) -> MarkResult:
        if error.status == 404:
            return MarkResult.DONE
        if error.status == 409:
            return MarkResult.CHANGED
        if not error.refuses:
            raise error
        if metadata["uid"] not in self._refused:
            self._refused.add(metadata["uid"])
            where = f"{metadata['namespace']}/{metadata['name']}"
            logger.warning("the condition Recorded of %s is refused: %s", where, error.message)
        return MarkResult.REFUSED


def is_marked(metadata: Mapping[str, Any]) -> bool:
    """Whether the metadata of an execution shows that its condition is set.

    A False may be wrong, if someone has written the status since; the status itself says then.
    """
    return any(
        entry.get("manager") == FIELD_MANAGER and entry.get("subresource") == "status"
        for entry in metadata.get("managedFields") or ()
    )
