"""Runs an ended execution again: part of it, or all of it with other variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.lifecycle.rerun import reused_records, source_of
from orchestrator.models.base import Json
from orchestrator.operations.errors import CommandError, conflict, invalid
from orchestrator.operations.executions import has_ended, phase_of
from orchestrator.operations.records import NOT_KEPT, is_from_history, removed
from orchestrator.operations.start import check_state, execution_manifest, start_workflow
from orchestrator.operations.writes import Manifest, Raw

FROM = "spec.rerunOf.from"
_BAD = ("Failed", "TimedOut", "Cancelled")


def check_source(source: Raw) -> None:
    """Raises CommandError for an execution that has not ended."""
    if not has_ended(source):
        name = source["metadata"]["name"]
        message = f"{name} is {phase_of(source)}; only an ended execution can be run again"
        raise conflict("spec.rerunOf.name", message)


def check_workflow(source: Raw, workflow: Raw | None) -> None:
    """Raises CommandError if the source's Workflow, None if it was deleted, cannot be started."""
    if workflow is None:
        metadata = source["metadata"]
        message = (
            f"Workflow {source['spec']['workflow']} no longer exists in namespace"
            f" {metadata['namespace']}; apply it before you run it again"
        )
        raise conflict("spec.workflow", message)
    check_state(workflow)


def rerun(
    source: Raw, graph: Graph | None, nodes: Sequence[str], *, requester: str, name: str = ""
) -> Manifest:
    """The execution that runs these nodes of the source again, with all that follow from them.

    Without nodes, those that did not succeed. It is checked by the engine's own rules, so that the
    created execution is not refused later; `graph` is what the source ran, None if it cannot be
    read.
    """
    check_source(source)
    _check_results(source)
    called = source["metadata"]["name"]
    nodes = list(nodes) or _ended_badly(source)
    if not nodes:
        raise invalid("spec.rerunOf", f"all nodes of {called} succeeded", "name some")
    again = {"name": called, "from": nodes}
    spec = {"workflow": source["spec"]["workflow"], "rerunOf": again}
    found = source_of(spec, source)
    if isinstance(found, Refusal):
        raise _error(found)
    if graph is not None and isinstance(kept := reused_records(graph, found, nodes), Refusal):
        raise _error(kept)
    return execution_manifest({**spec, "requester": requester or None}, name=name)


def rerun_with(
    source: Raw, workflow: Raw, changed: Mapping[str, Json], *, requester: str, name: str = ""
) -> Manifest:
    """The execution that runs all of the source's Workflow with some variables changed."""
    check_source(source)
    _check_values(source, changed)
    variables = {**(source["spec"].get("variables") or {}), **changed}
    return start_workflow(workflow, variables, requester=requester, name=name)


def _check_results(source: Raw) -> None:
    """Raises CommandError for a record: the operator takes the results of nodes from the object."""
    if is_from_history(source):
        message = (
            f"{removed(source)}, and a run from some nodes takes the results of the others from the"
            " object; with other variables, the whole Workflow runs again"
        )
        raise conflict("spec.rerunOf.name", message)


def _check_values(source: Raw, changed: Mapping[str, Json]) -> None:
    """Raises CommandError for variables whose values the history has not kept."""
    given = source["spec"].get("variables") or {}
    unknown = [name for name, value in given.items() if value == NOT_KEPT and name not in changed]
    if is_from_history(source) and unknown:
        message = (
            f"the history has no values of the variables {', '.join(sorted(unknown))}, since the"
            " execution was never admitted; give them as well"
        )
        raise conflict("spec.variables", message)


def _error(refusal: Refusal) -> CommandError:
    path, separator, words = refusal.message.partition(": ")
    return invalid(path, words) if separator else invalid("spec.rerunOf", refusal.message)


def _ended_badly(source: Raw) -> list[str]:
    """The nodes from which a re-run starts by default."""
    records = (source.get("status") or {}).get("nodes") or {}
    return sorted(node for node, record in records.items() if record["phase"] in _BAD)
