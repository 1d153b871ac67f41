"""The kinds that commands know, by every word people use for them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from orchestrator.cli.errors import UsageError
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
_BY_NAME = {kind.name: kind for kind in KINDS}
WORKFLOWS = _BY_NAME["Workflow"]
EXECUTIONS = _BY_NAME["WorkflowExecution"]
TEMPLATES = _BY_NAME["Template"]
CLUSTER_TEMPLATES = _BY_NAME["ClusterTemplate"]
PODS = Kind("Pod", "pods", "/api/v1")
REVISIONS = Kind("ControllerRevision", "controllerrevisions", "/apis/apps/v1")


def kind_of(word: str) -> Kind:
    """The kind a user means by a word. Raises UsageError with the nearest."""
    wanted = word.lower()
    for kind in KINDS:
        if wanted in kind.words:
            return kind
    words = sorted(word for kind in KINDS for word in kind.words)
    near = difflib.get_close_matches(wanted, words, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; say {', '.join(k.plural for k in KINDS)}"
    raise UsageError(f"there is no kind {word}{hint}")
