"""The kinds that commands know, by every word people use for them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.models.base import API_VERSION
from orchestrator.models.crd import KINDS as OURS


@dataclass(frozen=True)
class Kind:
    """A kind and where the API server has it."""

    name: str
    plural: str
    root: str
    namespaced: bool = True
    words: frozenset[str] = frozenset()


def _ours() -> tuple[Kind, ...]:
    extra = {"WorkflowExecution": ("execution", "executions")}
    return tuple(
        Kind(
            kind.name,
            kind.plural,
            f"/apis/{API_VERSION}",
            kind.namespaced,
            frozenset({kind.plural, kind.name.lower(), kind.short, *extra.get(kind.name, ())}),
        )
        for kind in OURS
    )


KINDS = _ours()
WORKFLOWS, EXECUTIONS = KINDS[0], KINDS[1]
PODS = Kind("Pod", "pods", "/api/v1")
REVISIONS = Kind("ControllerRevision", "controllerrevisions", "/apis/apps/v1")
