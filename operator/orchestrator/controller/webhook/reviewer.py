"""Reviews objects that users apply, with the checks of `orchestrator apply` and `orchestrator run`.

No object is refused because of a cache alone, which may lag behind: whatever a manifest refers to
is read live before it is refused. A reference to an object that does not exist yet is a warning,
since manifests are applied in any order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

from orchestrator.controller.webhook.references import (
    CachedReferences,
    KnownTemplates,
    Live,
    Parsed,
)
from orchestrator.controller.webhook.review import ALLOWED, Request, ReviewResponse
from orchestrator.dispatch.compute import Inline
from orchestrator.engine.lifecycle.admission import (
    MISSING_DEFINITION_TIMEOUT,
    actions_of,
    workflows_of,
)
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.live_reads import LiveReads
from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS
from orchestrator.lint import SPECS, Findings, check_manifest
from orchestrator.models.base import is_object_name
from orchestrator.validation.missing import LOCAL, unknown_workflow
from orchestrator.validation.problem import Problem, statement
from orchestrator.validation.size import is_large
from orchestrator.validation.starting import refused_as_invalid, refused_state, refused_variables

logger = logging.getLogger(__name__)

MAX_READS = 50
"""Maximum number of objects read live for one review; for further ones, the caches are used."""


class Reviewer:
    """Reviews one object at a time; keeps no state."""

    def __init__(
        self,
        workflows: Cache,
        templates: Cache,
        cluster_templates: Cache,
        client: ApiClient,
        *,
        namespaces: Collection[str] = (),
        offload: Inline | None = None,
    ) -> None:
        """Objects outside `namespaces` are allowed without review; if it is empty, all are
        reviewed.

        `client` belongs to the loop of the reviews; the caches may belong to another thread.
        """
        self._workflows = workflows
        self._templates = templates
        self._cluster_templates = cluster_templates
        self._reads = LiveReads(client)
        self._namespaces = frozenset(namespaces)
        self._offload = offload or Inline()
        self._parsed = Parsed()

    async def review(self, request: Request) -> ReviewResponse:
        """Whether the object may be stored, and the messages for the user."""
        elsewhere = self._namespaces and request.namespace not in {None, *self._namespaces}
        if not request.concerns_us or request.kind not in SPECS or elsewhere:
            return ALLOWED
        try:
            findings = await self._findings(request)
            if request.kind == "WorkflowExecution" and not findings.problems:
                return await self._start(request)
        except ApiError as error:
            logger.info("%s %s was not reviewed: %s", request.kind, request.name, error)
            return ReviewResponse(warnings=(f"this was not checked when it was applied: {error}",))
        lines = [statement(request.kind, request.name, each) for each in findings.problems]
        if findings.missing.issuperset(findings.problems):
            advice = [statement(request.kind, request.name, each) for each in findings.warnings]
            return ReviewResponse(warnings=(*lines, *advice))
        return ReviewResponse("\n".join(lines))

    # Definitions

    async def _findings(self, request: Request) -> Findings:
        """With its references from the caches, and read live before a problem is reported."""
        live = Live()
        await self._read(request, live, known=False)
        findings = await self._check(request, live)
        doubtful = findings.problems or findings.warnings
        if doubtful and await self._read(request, live, known=True):
            return await self._check(request, live)
        return findings

    async def _check(self, request: Request, live: Live) -> Findings:
        references = self._cached_references(request, live)
        work = partial(check_manifest, request.kind, request.name, request.spec, references)
        return await self._offload.run(work, long=is_large(request.spec))

    def _cached_references(self, request: Request, live: Live) -> CachedReferences:
        namespace = request.namespace
        caches = self._templates, self._cluster_templates
        templates = KnownTemplates(*caches, namespace, live.templates, self._parsed)
        return CachedReferences(templates, self._workflows, namespace, live.workflows)

    async def _read(self, request: Request, live: Live, *, known: bool) -> bool:
        """Read the objects that it refers to and that were not read yet: those that the caches have
        if `known`, otherwise those that they lack. False if there is none."""
        namespace = request.namespace
        actions, workflows = _references(request)
        left = MAX_READS - len(live.templates) - len(live.workflows)
        wanted = [
            (live.templates, action, self._template(namespace, action))
            for action in actions
            if action not in live.templates and self._has_template(namespace, action) is known
        ]
        wanted += [
            (live.workflows, name, partial(self._reads.get, WORKFLOWS, namespace, name))
            for name in workflows
            if name not in live.workflows
            and (self._workflows.get(namespace, name) is not None) is known
        ]
        del wanted[max(left, 0) :]
        found = await asyncio.gather(*(read() for _, _, read in wanted))
        for (into, name, _), raw in zip(wanted, found, strict=True):
            into[name] = raw
        return bool(wanted)

    def _has_template(self, namespace: str | None, action: str) -> bool:
        if action.startswith(LOCAL):
            return self._templates.get(namespace, action.removeprefix(LOCAL)) is not None
        return self._cluster_templates.get(None, action) is not None

    def _template(self, namespace: str | None, action: str) -> Callable[[], Awaitable[Raw | None]]:
        name = action.removeprefix(LOCAL)
        if name != action:
            return partial(self._reads.get, TEMPLATES, namespace, name)
        return partial(self._reads.get, CLUSTER_TEMPLATES, None, name)

    # Executions

    async def _start(self, request: Request) -> ReviewResponse:
        """The answer of `orchestrator run`; a Workflow that does not exist yet is awaited."""
        spec = request.spec
        if spec.get("parent") or spec.get("trigger"):  # created by the operator
            return ALLOWED
        name, namespace = spec["workflow"], request.namespace
        known = self._workflows.get(namespace, name)
        if known is not None and not await self._refused(known, spec):
            return ALLOWED
        workflow = await self._reads.get(WORKFLOWS, namespace, name)
        if workflow is not None:
            return ReviewResponse(await self._refused(workflow, spec))
        words = unknown_workflow(name, self._cached_references(request, Live()).names())
        problem = Problem(
            "spec.workflow",
            f"{words}; the execution waits {MISSING_DEFINITION_TIMEOUT:.0f} seconds for it",
        )
        return ReviewResponse(warnings=(statement(request.kind, request.name, problem),))

    async def _refused(self, workflow: Raw, spec: Mapping[str, Any]) -> str:
        name, declared = workflow["metadata"]["name"], workflow.get("spec") or {}
        if refusal := refused_state(name, declared):
            return refusal
        if spec.get("rerunOf"):  # it has the variables and the revision of the first run
            return ""
        given = spec.get("variables") or {}
        work = partial(refused_variables, name, declared, given)
        refusal = await self._offload.run(work, long=is_large(declared, given))
        return refusal or refused_as_invalid(workflow) or ""


def _references(request: Request) -> tuple[list[str], list[str]]:
    """The actions and Workflows that a definition names, as far as they can be read."""
    spec = request.spec if isinstance(request.spec, dict) else {}
    if request.kind == "Trigger":
        name = spec.get("workflow")
        return [], [name] if is_object_name(name) else []
    if request.kind in ("Template", "ClusterTemplate"):
        whole = spec.get("workflow")
        spec = {"nodes": whole.get("nodes")} if isinstance(whole, dict) else {}
    actions = [one for one in actions_of(spec) if is_object_name(one.removeprefix(LOCAL))]
    if request.namespace is None:  # each namespace has its own Templates and Workflows
        return [one for one in actions if not one.startswith(LOCAL)], []
    return actions, [name for name in workflows_of(spec) if is_object_name(name)]
