"""The kinds that commands know, by every word people use for them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.cli.errors import UsageError
from orchestrator.models.base import API_VERSION, GROUP
from orchestrator.models.nearest import did_you_mean


@dataclass(frozen=True)
class Kind:
    """A kind and where the API server has it."""

    name: str
    plural: str
    root: str
    namespaced: bool = True
    words: frozenset[str] = frozenset()
    short: str = ""


def _ours(name: str, plural: str, short: str, *more: str, namespaced: bool = True) -> Kind:
    words = frozenset({plural, name.lower(), short, *more})
    return Kind(name, plural, f"/apis/{API_VERSION}", namespaced, words, short)


# The same as in crds, where each stands beside its model: importing those takes longer than
# most commands run. A test compares them.
WORKFLOWS = _ours("Workflow", "workflows", "awf")
EXECUTIONS = _ours("WorkflowExecution", "workflowexecutions", "awfx", "execution", "executions")
TRIGGERS = _ours("Trigger", "triggers", "awft")
TEMPLATES = _ours("Template", "templates", "atpl")
CLUSTER_TEMPLATES = _ours("ClusterTemplate", "clustertemplates", "actpl", namespaced=False)
INCIDENTS = _ours("Incident", "incidents", "ainc")
KINDS = (WORKFLOWS, EXECUTIONS, TRIGGERS, TEMPLATES, CLUSTER_TEMPLATES, INCIDENTS)
APPROVALS = ("approval", "approvals")
"""What `get` lists too, and is no kind of the API server's."""
LATEST = "@latest"
"""Stands for the name of the newest object."""
NAMESPACES = Kind("Namespace", "namespaces", "/api/v1", namespaced=False)
PODS = Kind("Pod", "pods", "/api/v1")
REVISIONS = Kind("ControllerRevision", "controllerrevisions", "/apis/apps/v1")


def kind_of(word: str) -> Kind:
    """The kind a user means by a word. Raises UsageError with the nearest."""
    wanted = word.lower().removesuffix(f".{GROUP}")  # as kubectl prints it
    for kind in KINDS:
        if wanted in kind.words:
            return kind
    words = sorted({*APPROVALS, *(word for kind in KINDS for word in kind.words)})
    hint = did_you_mean(wanted, words) or f"; say {', '.join(k.plural for k in KINDS)}"
    raise UsageError(f"there is no kind {word}{hint}")


def is_path_segment(name: str) -> bool:
    """Whether a name of any kind leads nowhere else in a path: some may hold colons."""
    return name not in ("", ".", "..") and "/" not in name and "%" not in name


def kinds_of(words: str) -> list[Kind]:
    """The kinds that a user means by words with commas between them. Raises UsageError."""
    return list(dict.fromkeys(kind_of(word) for word in words.split(",") if word))


def name_in(kind: Kind, word: str) -> str:
    """The name in a word such as `first-1`, `@latest` or `awfx/first-1`, as `-o name` prints it.

    Raises UsageError where the word names another kind.
    """
    before, slash, name = word.partition("/")
    if not slash or not before:
        return word
    if kind_of(before) is not kind:
        raise UsageError(
            f"{word} names no {kind.name}; write its name, or {kind.name.lower()}/NAME"
        )
    return name
