"""Carries out the decisions of a pass about Jobs and sub-executions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from orchestrator.controller.concurrent_requests import gather_outcomes, gather_results
from orchestrator.controller.executions.act.child_control import control_child
from orchestrator.controller.executions.act.child_creation import create_child
from orchestrator.controller.executions.act.stopping import stop_job
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import trace_created
from orchestrator.engine.decisions import (
    ControlChild,
    CreateChild,
    CreateFanOut,
    CreateJob,
    Creation,
    StopJob,
)
from orchestrator.engine.observed import Attempt
from orchestrator.jobs.absent import REFUSALS, name_taken, refused_by_server, refused_by_template
from orchestrator.jobs.manifests import job_manifests, service_account_of
from orchestrator.jobs.observe import is_ours
from orchestrator.jobs.refusal import JobRefused
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import CLAIMS, CONFIG_MAPS, JOBS, Resource
from orchestrator.models.reasons import Reason
from orchestrator.validation.size import LARGE

_CREATED = (JOBS, CONFIG_MAPS, CLAIMS)
Step = Creation | StopJob | ControlChild


async def create_all(
    context: ReconcileContext, state: ExecutionState, steps: Iterable[Step]
) -> None:
    """Create Jobs and sub-executions; refusals are part of later observations."""
    now = context.clock()
    wanted = [
        job
        for job in steps
        if isinstance(job, Creation)
        and state.creations.may_create(_key(job), now)
        and state.name_of(*_key(job)) not in state.creations
    ]
    creations = (_create(context, state, job) for job in wanted)
    problems = _settle(state, wanted, await gather_outcomes(creations), now)
    try:
        if problems:
            raise problems[0]
    finally:
        del problems  # its traceback refers to this frame: that would be a cycle


def _settle(
    state: ExecutionState,
    wanted: Iterable[Creation],
    outcomes: Iterable[Attempt | BaseException | None],
    now: float,
) -> list[BaseException]:
    """Record the outcome of each creation, and return the failures."""
    problems = []
    for job, outcome in zip(wanted, outcomes, strict=True):
        state.wakeups.requeue(job.node)  # it may have been created and ended long ago
        if isinstance(outcome, BaseException):
            problems.append(outcome)
        else:
            state.creations.settle(_key(job), outcome, now)
        trace_created(state, job, outcome)
    return problems


async def control_all(
    context: ReconcileContext, state: ExecutionState, steps: Iterable[Step]
) -> None:
    """Stop Jobs and pass requested states on to sub-executions, all at the same time."""
    await gather_results(
        stop_job(context, state, step)
        if isinstance(step, StopJob)
        else control_child(context, state, step)
        for step in steps
        if isinstance(step, StopJob | ControlChild)
    )


def _key(decision: Creation) -> AttemptKey:
    item = decision.index if isinstance(decision, CreateChild) else None
    return AttemptKey(decision.node, decision.attempt, item)


async def _create(
    context: ReconcileContext, state: ExecutionState, decision: Creation
) -> Attempt | None:
    if isinstance(decision, CreateChild):
        return await create_child(context, state, decision)
    return await _create_job(context, state, decision)


async def _create_job(
    context: ReconcileContext, state: ExecutionState, decision: CreateJob | CreateFanOut
) -> Attempt | None:
    long = isinstance(decision, CreateFanOut) and len(decision.items) > LARGE
    try:
        identity = replace(state.identity, trace=context.trace(state.execution))
        build = partial(job_manifests, state.graph, decision, identity)
        manifests = await context.offload.run(build, long=long)
    except JobRefused as error:
        return refused_by_template(error)
    if account := service_account_of(manifests):
        refusal = await context.accounts.refusal(state.run.namespace, account)
        if refusal is not None:
            return refusal
    for manifest in manifests:
        name = manifest["metadata"]["name"]
        if manifest["kind"] == CLAIMS.kind and name in state.creations:
            continue
        asked = context.clock()  # the answer may be old when it is read
        refusal = await _create_object(context, state, manifest)
        if refusal is not None:
            return refusal
        state.creations.add(name, asked)
    context.operator_metrics.object_created((state.run.namespace, state.run.name))
    return None


async def _create_object(
    context: ReconcileContext, state: ExecutionState, manifest: Mapping[str, Any]
) -> Attempt | None:
    resource = next(each for each in _CREATED if each.kind == manifest["kind"])
    namespace = state.run.namespace
    try:
        created = await context.client.create(
            resource, namespace, manifest, urgent=True, metadata_only=True
        )
    except ApiError as error:
        if error.status == 409 and error.reason == "AlreadyExists":
            return await _adopt(context, state, resource, manifest)
        if error.status in REFUSALS:
            refusal = refused_by_server(Reason.JOB_REFUSED, error.status, error.message, namespace)
            # A webhook or quota answers before the name is checked: an earlier creation, whose
            # answer was lost, may have succeeded.
            return await _adopt(context, state, resource, manifest, refusal)
        raise
    if resource is JOBS:
        state.creations.add_job(created["metadata"]["name"], created["metadata"]["uid"])
    return None


async def _adopt(
    context: ReconcileContext,
    state: ExecutionState,
    resource: Resource,
    manifest: Mapping[str, Any],
    absent: Attempt | None = None,
) -> Attempt | None:
    """The attempt for an existing object of this name, if it is ours; `absent` if there is none.

    An object that others have deleted since is observed as deleted later. Any user who may create
    ConfigMaps can set our owner and label, so a ConfigMap is accepted only if it contains the
    items.
    """
    name = manifest["metadata"]["name"]
    try:
        found = await context.client.get(resource, state.run.namespace, name)
    except ApiError as error:
        if error.status == 404:
            return absent
        raise
    same = all(found.get(field) == manifest.get(field) for field in ("immutable", "data"))
    if is_ours(found, state.identity) and (resource is not CONFIG_MAPS or same):
        return None
    return name_taken(resource.kind, name)
