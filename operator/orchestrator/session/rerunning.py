"""Builds executions that run an ended one again, after all checks that are possible beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.kube.resources import WORKFLOWS
from orchestrator.operations.rerun import FROM, check_source, check_workflow, rerun, rerun_with
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UnreachableError, UsageError, in_options
from orchestrator.session.revisions import load_graph
from orchestrator.session.startable import check_unjudged


def source_workflow(cluster: Cluster, source: Raw) -> Raw | None:
    """The Workflow of an ended execution, which must exist and be startable; None if the user may
    not read it. Raises UsageError."""
    with in_options():
        check_source(source)
    try:
        found = cluster.find(WORKFLOWS, source["spec"]["workflow"])
    except UnreachableError:
        raise
    except UsageError:  # the operator checks it
        return None
    with in_options():
        check_workflow(source, found)
    return found


def rerun_from(
    cluster: Cluster, source: Raw, nodes: Sequence[str], name: str = "", option: str = FROM
) -> Raw:
    """The execution that runs these nodes again and all that follow; `option` sets the nodes."""
    graph = load_graph(cluster, source)
    with in_options({FROM: option}, fix=f"name some by {option}"):
        return rerun(source, graph, nodes, requester=cluster.user, name=name)


def rerun_with_variables(
    cluster: Cluster,
    source: Raw,
    workflow: Raw,
    changed: Mapping[str, Any],
    name: str = "",
) -> Raw:
    """The execution that runs all of the Workflow with these variables changed."""
    with in_options():
        body = rerun_with(source, workflow, changed, requester=cluster.user, name=name)
    check_unjudged(cluster, workflow)
    return body
