"""Revisions: the definitions that an execution needs, read live and frozen in a
ControllerRevision."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.single_flight import SingleFlight
from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import (
    Missing,
    Prepared,
    Refusal,
    actions_of,
    prepare,
    prepare_child,
    state_allows,
    workflow_gone,
    workflows_of,
)
from orchestrator.engine.lifecycle.refusals import (
    parent_gone,
    parent_revision_gone,
    revision_lost,
    revision_taken,
    workflow_missing,
)
from orchestrator.engine.lifecycle.revision import Revision, thaw, verify
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import (
    CLUSTER_TEMPLATES,
    CONTROLLER_REVISIONS,
    EXECUTIONS,
    TEMPLATES,
    WORKFLOWS,
)
from orchestrator.models.base import GROUP
from orchestrator.models.labels import MANAGED_BY, MANAGER, WORKFLOW
from orchestrator.models.workflow import WorkflowState
from orchestrator.process.queue import worker_released
from orchestrator.validation.size import is_large

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_KEPT = 256
STORED_FOR = 1200.0
"""Seconds for which a stored revision cannot be removed: unused ones stay for an hour."""
UNREFERENCED_SINCE = f"{GROUP}/unreferenced-since"
"""Annotation of a revision: since when it is unreferenced."""
FIELD_MANAGER = "itechsmart-workflow"


class Revisions:
    """Prepared workflows and thawed revisions, each computed once per content, however many
    executions request it at the same time."""

    def __init__(self, context: ReconcileContext) -> None:
        self._context = context
        self._prepared: OrderedDict[tuple[Any, ...], Prepared | Refusal] = OrderedDict()
        self._graphs: OrderedDict[tuple[str, str], Graph] = OrderedDict()
        self._preparing: SingleFlight[tuple[Any, ...], Prepared | Refusal | Missing] = (
            SingleFlight()
        )
        self._thawing: SingleFlight[tuple[Any, ...], Graph] = SingleFlight()
        self._stored: dict[tuple[str, str], float] = {}
        """When a revision was last verified to be stored, and not about to be removed."""
        self._storing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, namespace: str, workflow: str) -> Prepared | Refusal | Missing:
        """The current workflow, read live, checked and frozen (not yet stored)."""
        raw = await self._context.live_reads.get(WORKFLOWS, namespace, workflow)
        if raw is None:
            return workflow_missing(workflow, namespace)
        workflows = await self._reached(namespace, raw["spec"])
        used = [raw["spec"], *(child["spec"] for child in workflows.values() if child)]
        actions = dict.fromkeys(action for spec in used for action in actions_of(spec))
        templates = {action: await self._template(namespace, action) for action in actions}
        key = (
            _version(raw),
            tuple((name, _version(item)) for name, item in templates.items()),
            tuple((name, _version(item)) for name, item in workflows.items()),
        )
        if (known := self._prepared.get(key)) is not None:
            self._prepared.move_to_end(key)
            return known
        specs = {name: item["spec"] if item else None for name, item in templates.items()}
        children = {name: item["spec"] if item else None for name, item in workflows.items()}
        runner, spec = self._context.runner_image, raw["spec"]
        work = partial(prepare, workflow, spec, specs, runner, children)
        run = partial(self._context.offload.run, work, long=is_large(spec, *children.values()))
        result = await self._preparing.do(key, run)
        if not isinstance(result, Missing):
            _keep(self._prepared, key, result)
        return result

    async def prepare_child(
        self, namespace: str, workflow: str, parent: Mapping[str, str]
    ) -> Prepared | Refusal | Missing:
        """A sub-workflow as it was frozen with its parent."""
        execution = await self._context.live_reads.get(EXECUTIONS, namespace, parent["name"])
        if execution is None or execution["metadata"]["uid"] != parent["uid"]:
            return parent_gone(parent["name"])
        revision = (execution.get("status") or {}).get("revision", "")
        key = (namespace, revision, workflow)
        if (known := self._prepared.get(key)) is not None:
            self._prepared.move_to_end(key)
            return known
        raw = await self._revision(namespace, revision) if revision else None
        if raw is None:
            return parent_revision_gone(revision)
        work = partial(self._prepare_frozen, workflow, revision, raw.get("data"))
        try:
            result = await self._preparing.do((*key, _content(raw)), work)
        except ValueError as error:
            return revision_lost(error)
        if not isinstance(result, Missing):
            _keep(self._prepared, key, result)
        return result

    async def _prepare_frozen(
        self, workflow: str, revision: str, data: Any
    ) -> Prepared | Refusal | Missing:
        """A workflow from a revision's content; ValueError if that was changed."""
        long = is_large(*_workflows_in(data))
        await self._context.offload.run(partial(verify, revision, data), long=long)
        return await self._context.offload.run(partial(prepare_child, workflow, data), long=long)

    async def refusal_of_state(
        self, namespace: str, execution: Mapping[str, Any]
    ) -> Refusal | None:
        """Why the current Workflow does not let a re-run start: it was deleted, or its state."""
        raw = await self._context.live_reads.get(
            WORKFLOWS, namespace, execution["spec"]["workflow"]
        )
        if raw is None:
            return workflow_gone(execution)
        return state_allows(WorkflowState(raw["spec"].get("state", "Active")), execution)

    async def store(self, namespace: str, workflow: str, prepared: Prepared) -> Refusal | None:
        """Store the revision and read it back; once per content and process.

        A refusal if one of its name exists with other content: content never changes.
        """
        key = (namespace, prepared.revision.name)
        lock = self._storing.setdefault(key, asyncio.Lock())
        # Many executions are admitted at once; the first one stores it for all.
        with worker_released() if lock.locked() else nullcontext():
            await lock.acquire()
        try:
            return await self._store(key, workflow, prepared)
        finally:
            lock.release()

    async def _store(
        self, key: tuple[str, str], workflow: str, prepared: Prepared
    ) -> Refusal | None:
        namespace, name = key
        now = self._context.clock()
        if key in self._graphs and now < self._stored.get(key, 0.0) + STORED_FOR:
            return None
        manifest = _manifest(namespace, workflow, prepared.revision)
        try:
            stored = await self._context.client.apply(
                CONTROLLER_REVISIONS, namespace, manifest, field_manager=FIELD_MANAGER
            )
            if UNREFERENCED_SINCE in (stored["metadata"].get("annotations") or {}):
                await self.mark(stored["metadata"], None)  # otherwise it would be removed as unused
        except ApiError as error:
            known = await self._revision(namespace, name)
            if error.status != 422 or known is None:
                raise  # 422: its data differs, perhaps only in spaces; the parsed content counts
        self._graphs.pop(key, None)
        try:
            await self.graph(namespace, name)
        except ValueError as error:
            return revision_taken(error)
        self._stored[key] = now
        while len(self._stored) > _KEPT:
            self._stored.pop(next(iter(self._stored)))
        return None

    async def mark(self, metadata: Mapping[str, Any], since: str | None) -> None:
        """Mark since when a revision is unreferenced, or remove the mark."""
        key = metadata["namespace"], metadata["name"]
        self._stored.pop(key, None)
        guard = {} if since is None else {"resourceVersion": metadata["resourceVersion"]}
        body = {
            "metadata": {
                "uid": metadata["uid"],
                **guard,
                "annotations": {UNREFERENCED_SINCE: since},
            }
        }
        try:
            await self._context.client.patch(CONTROLLER_REVISIONS, *key, body, metadata_only=True)
        except ApiError as error:
            if error.status not in (
                404,
                409,
                422,
            ):  # 422: not in the form that this operator writes
                raise

    def forget(self, namespace: str, name: str) -> None:
        """Record that a revision was removed."""
        self._graphs.pop((namespace, name), None)
        self._stored.pop((namespace, name), None)

    async def graph(self, namespace: str, name: str) -> Graph:
        """The graph of a stored revision; ValueError if it was deleted or changed."""
        known = self._graphs.get((namespace, name))
        if known is not None:
            self._graphs.move_to_end((namespace, name))
            return known
        raw = await self._revision(namespace, name)
        if raw is None:
            raise ValueError(f"ControllerRevision {name} was deleted")
        data = raw.get("data")
        work = partial(thaw, name, data)
        run = partial(self._context.offload.run, work, long=is_large(*_workflows_in(data)))
        graph = await self._thawing.do((namespace, name, _content(raw)), run)
        _keep(self._graphs, (namespace, name), graph)
        return graph

    async def _reached(
        self, namespace: str, spec: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Any] | None]:
        """The Workflows reachable from one as sub-workflows."""
        found: dict[str, Mapping[str, Any] | None] = {}
        waiting = workflows_of(spec)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = child = await self._context.live_reads.get(WORKFLOWS, namespace, name)
                waiting += workflows_of(child["spec"]) if child else []
        return found

    async def _template(self, namespace: str, action: str) -> Mapping[str, Any] | None:
        prefix, _, local = action.rpartition("/")
        if prefix == "local":
            return await self._cached(TEMPLATES, namespace, local)
        return await self._cached(CLUSTER_TEMPLATES, None, action) if not prefix else None

    async def _cached(
        self, resource: Any, namespace: str | None, name: str
    ) -> Mapping[str, Any] | None:
        context = self._context
        cache = context.templates if resource is TEMPLATES else context.cluster_templates
        return cache.get(namespace, name) or await context.live_reads.get(resource, namespace, name)

    async def _revision(self, namespace: str, name: str) -> Raw | None:
        return await self._context.live_reads.get(CONTROLLER_REVISIONS, namespace, name)


def _workflows_in(data: Any) -> list[Any]:
    """The specs in a revision's content, which others may have changed."""
    if not isinstance(data, Mapping):
        return []
    children = data.get("workflows")
    return [data.get("workflow"), *(children.values() if isinstance(children, Mapping) else ())]


def _version(raw: Mapping[str, Any] | None) -> tuple[str, int] | None:
    if raw is None:
        return None
    return raw["metadata"]["uid"], raw["metadata"]["generation"]


def _content(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A hash of the content of a stored revision, which changes though the generation does not."""
    return raw["metadata"]["uid"], raw["metadata"]["resourceVersion"]


def _manifest(namespace: str, workflow: str, revision: Revision) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": revision.name,
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER, WORKFLOW: workflow},
        },
        "data": revision.data,
        "revision": 1,
    }


def _keep(cache: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    cache[key] = value
    while len(cache) > _KEPT:
        cache.popitem(last=False)
