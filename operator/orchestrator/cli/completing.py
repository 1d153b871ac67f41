"""Shell completion: kinds, and names of objects and nodes from the cluster.

Completion never fails and never waits long: if the cluster does not answer, nothing is offered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

from orchestrator.cli.api_server import TOKEN, Api
from orchestrator.cli.connection import Cluster, Target
from orchestrator.kube.resources import (
    CLUSTER_TEMPLATES,
    EXECUTIONS,
    KINDS,
    NAMESPACES,
    TEMPLATES,
    Resource,
)
from orchestrator.session.errors import UsageError
from orchestrator.session.kinds import APPROVALS, LATEST, kind_of
from orchestrator.validation.missing import LOCAL

TIMEOUT = 3.0
"""Seconds to wait for an API server that does not answer."""
Complete = Callable[[typer.Context, str], list[str]]
_NAMES = 500
"""Maximum number of names that are read."""


def kinds(context: typer.Context, incomplete: str) -> list[str]:
    """The kinds that `get` lists, and names after `KIND/`."""
    before, slash, _ = incomplete.partition("/")
    if not slash:
        words = [kind.plural for kind in KINDS] + [kind.short for kind in KINDS] + [APPROVALS[1]]
        return _beginning(words, incomplete)
    try:
        kind = kind_of(before)
    except UsageError:
        return []
    return _beginning((f"{before}/{name}" for name in _names(context, kind)), incomplete)


def names_of(kind: Resource) -> Complete:
    """The names of the objects of a kind."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        prefix, slash, _ = incomplete.partition("/")
        known = [f"{prefix}/{name}" if slash else name for name in _names(context, kind)]
        return _beginning([*known, LATEST] if kind is EXECUTIONS else known, incomplete)

    return complete


def names_of_kind(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the objects of the kind that was typed before."""
    try:
        kind = kind_of(str(context.params.get("kind") or ""))
    except UsageError:
        return []
    return _beginning(_names(context, kind), incomplete)


def nodes(context: typer.Context, incomplete: str) -> list[str]:
    """The nodes of the execution that was typed before."""
    execution = context.params.get("execution")
    if not isinstance(execution, str):
        return []

    def read(cluster: Cluster) -> Iterable[str]:
        return (cluster.get(EXECUTIONS, execution).get("status") or {}).get("nodes") or {}

    return _beginning(_asked(context, read), incomplete)


def actions(context: typer.Context, incomplete: str) -> list[str]:
    """The actions of the cluster and of the namespace."""
    local = (f"{LOCAL}{name}" for name in _names(context, TEMPLATES))
    return _beginning((*_names(context, CLUSTER_TEMPLATES), *local), incomplete)


def namespaces(context: typer.Context, incomplete: str) -> list[str]:
    """The namespaces of the cluster."""

    def read(cluster: Cluster) -> Iterable[str]:
        return cluster.names(NAMESPACES, _NAMES)

    return _beginning(_asked(context, read), incomplete)


def _names(context: typer.Context, kind: Resource) -> list[str]:
    return _asked(context, lambda cluster: cluster.names(kind, _NAMES))


def _asked(context: typer.Context, read: Callable[[Cluster], Iterable[str]]) -> list[str]:
    try:
        return list(read(_target(context).connect(timeout=TIMEOUT)))
    except Exception:  # any error: completion must print nothing at a prompt
        return []


def _target(context: typer.Context) -> Target:
    """The target from the options typed so far, whose callbacks have not run yet."""
    given: Mapping[str, Any] = context.find_root().params
    namespace = context.params.get("namespace") or given.get("namespace")
    api = None
    if server := given.get("server"):
        texts = (given.get("token_file"), os.environ.get(TOKEN), given.get("certificate_authority"))
        api = Api(server, *(text or "" for text in texts))
    return Target(given.get("kubeconfig"), given.get("kube_context"), namespace, api=api)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def formats(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001
    """The output formats."""
    return _beginning(("json", "yaml", "name", "wide", "jsonpath="), incomplete)
