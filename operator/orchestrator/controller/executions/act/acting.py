"""Carries out what a pass decided about Jobs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from orchestrator.controller.executions.act.childcontrol import control_child
from orchestrator.controller.executions.act.children import REFUSALS, create_child, refused
from orchestrator.controller.executions.act.holdups import following, held_up
from orchestrator.controller.executions.act.stopping import stop_job
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.controller.offload import LARGE
from orchestrator.engine.costs import JOB_WORK, PASS_WORK
from orchestrator.engine.decisions import (
    ControlChild,
    CreateChild,
    CreateFanOut,
    CreateJob,
    Creation,
    StopJob,
)
from orchestrator.engine.graph import DEFAULT_PARALLELISM
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.expressions.budget import Account, paid_by
from orchestrator.jobs.build import JobRefused, NodeJob, build_job
from orchestrator.jobs.fanout import FanOutJob, build_fan_out
from orchestrator.jobs.observe import is_ours
from orchestrator.jobs.waiting import quota_message
from orchestrator.jobs.workspace import build_claim, mount
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import CLAIMS, CONFIG_MAPS, JOBS, Resource
from orchestrator.models.base import parse_duration
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import RetryReason

_MADE = (JOBS, CONFIG_MAPS, CLAIMS)
Step = Creation | StopJob | ControlChild


async def create_all(shell: Shell, tracked: Tracked, steps: Iterable[Step]) -> None:
    """Create Jobs and sub-executions; what is refused is from now on part of what is observed."""
    now = shell.clock()
    wanted = [
        job
        for job in steps
        if isinstance(job, Creation)
        and not _waits(tracked, job, now)
        and tracked.name_of(job.node, job.attempt, _index(job)) not in tracked.created
        and (job.node, job.attempt) not in tracked.refused
    ]
    problems = []
    refusals = await _create_each(shell, tracked, wanted)
    for job, refusal in zip(wanted, refusals, strict=True):
        tracked.again.add(job.node)  # what was made may have come to its end long ago
        if refusal is None:
            tracked.hold_ups.pop((job.node, job.attempt, _index(job)), None)
            continue
        if isinstance(refusal, BaseException):
            problems.append(refusal)
            continue
        if refusal.state is AttemptState.PENDING:
            key = (job.node, job.attempt, _index(job))
            tracked.hold_ups[key] = following(tracked.hold_ups.get(key), refusal, now)
        elif (index := _index(job)) is None:
            tracked.refused[job.node, job.attempt] = refusal
        else:
            tracked.refused_items[job.node, job.attempt, index] = refusal
    if problems:
        raise problems[0]


def _waits(tracked: Tracked, job: Creation, now: float) -> bool:
    hold_up = tracked.hold_ups.get((job.node, job.attempt, _index(job)))
    return hold_up is not None and now < hold_up.retry_at


async def _create_each(
    shell: Shell, tracked: Tracked, wanted: Sequence[Creation]
) -> Sequence[Attempt | BaseException | None]:
    """All of them are waited for: what is still on its way must not arrive in a later pass."""
    if len(wanted) == 1:  # as most often, and then without a task of its own
        return [await _create(shell, tracked, wanted[0])]
    creations = (_create(shell, tracked, job) for job in wanted)
    return await asyncio.gather(*creations, return_exceptions=True) if wanted else ()


def _index(decision: Creation) -> int | None:
    return decision.index if isinstance(decision, CreateChild) else None


async def control_all(shell: Shell, tracked: Tracked, steps: Iterable[Step]) -> None:
    """Stop Jobs and pass on to sub-executions what is asked of them."""
    for step in steps:
        if isinstance(step, StopJob):
            await stop_job(shell, tracked, step)
        elif isinstance(step, ControlChild):
            await control_child(shell, tracked, step)


async def _create(shell: Shell, tracked: Tracked, decision: Creation) -> Attempt | None:
    try:
        match decision:
            case CreateChild():
                return await create_child(shell, tracked, decision)
            case CreateJob():
                manifests = await shell.offload.run(partial(_job, tracked, decision))
            case CreateFanOut(items=items):
                build = partial(_fan_out, tracked, decision)
                manifests = await shell.offload.run(build, long=len(items) > LARGE)
    except JobRefused as error:
        return refused(error.reason, str(error), permanent=True)
    pod = manifests[-1]["spec"]["template"]["spec"]
    if (workspace := tracked.graph.spec.workspace) is not None:
        mount(pod, workspace, tracked.identity)
        manifests.insert(0, build_claim(workspace, tracked.identity))
    if account := pod.get("serviceAccountName"):
        reason, message = await shell.accounts.refusal(tracked.run.namespace, account)
        if reason == Reason.SERVICE_ACCOUNT_MISSING:
            return held_up(reason, message)
        if reason:
            return refused(reason, message, permanent=False)
    for manifest in manifests:
        if manifest["kind"] == CLAIMS.kind and manifest["metadata"]["name"] in tracked.created:
            continue
        asked = shell.clock()  # the answer may be old when it is read
        refusal_of = await _create_object(shell, tracked, manifest)
        if refusal_of is not None:
            return refusal_of
        tracked.created[manifest["metadata"]["name"]] = asked
    shell.figures.created((tracked.run.namespace, tracked.run.name))
    return None


def _job(tracked: Tracked, decision: CreateJob) -> list[dict[str, Any]]:
    node, graph = tracked.graph.nodes[decision.node], tracked.graph
    assert node.template is not None
    wanted = NodeJob(
        node=decision.node,
        attempt=decision.attempt,
        iteration=decision.iteration,
        parameters=decision.parameters,
        timeout_seconds=max(1, round(node.timeout)),
    )
    with paid_by(Account(JOB_WORK)):
        return [
            build_job(node.template, wanted, tracked.identity, graph.spec.pod, graph.runner_image)
        ]


def _fan_out(tracked: Tracked, decision: CreateFanOut) -> list[dict[str, Any]]:
    node, graph = tracked.graph.nodes[decision.node], tracked.graph
    assert node.template is not None
    assert node.spec.for_each is not None
    rules, each = node.retry, node.spec.for_each
    wanted = FanOutJob(
        node=decision.node,
        attempt=decision.attempt,
        items=decision.items,
        item_timeout=max(1, round(node.timeout)),
        timeout=math.ceil(parse_duration(each.timeout)) if each.timeout else None,
        parallelism=each.parallelism or DEFAULT_PARALLELISM,
        max_failed=each.max_failed or 0,
        retries=rules.limit if RetryReason.FAILED in rules.reasons else 0,
        replace_disrupted=rules.limit > 0 and RetryReason.DISRUPTED in rules.reasons,
    )
    with paid_by(Account(PASS_WORK)):
        built = build_fan_out(
            node.template, wanted, tracked.identity, graph.spec.pod, graph.runner_image
        )
    return [*built.config_maps, built.job]


async def _create_object(
    shell: Shell, tracked: Tracked, manifest: Mapping[str, Any]
) -> Attempt | None:
    resource = next(each for each in _MADE if each.kind == manifest["kind"])
    try:
        made = await shell.client.create(
            resource, tracked.run.namespace, manifest, urgent=True, metadata_only=True
        )
        if resource is JOBS:
            tracked.job_uids[made["metadata"]["name"]] = made["metadata"]["uid"]
    except ApiError as error:
        if error.status == 409 and error.reason == "AlreadyExists":
            return await _adopt(shell, tracked, resource, manifest)
        if error.status in REFUSALS:
            permanent = error.status in (400, 422)
            refusal = refused(Reason.JOB_REFUSED, error.message, permanent=permanent)
            if quota := quota_message(error.message, tracked.run.namespace):
                refusal = held_up(Reason.QUOTA_EXCEEDED, quota)
            # A webhook or quota answers before the name is checked: an earlier creation, whose
            # answer was lost, may have made it.
            return await _adopt(shell, tracked, resource, manifest, refusal)
        raise
    return None


async def _adopt(
    shell: Shell,
    tracked: Tracked,
    resource: Resource,
    manifest: Mapping[str, Any],
    absent: Attempt | None = None,
) -> Attempt | None:
    """What an object that may be ours comes to; `absent` where there is none.

    One that was deleted by others since is seen as that by whatever reads it. Whoever may
    create ConfigMaps can give one our owner and label: only one that holds the items is believed.
    """
    name = manifest["metadata"]["name"]
    try:
        found = await shell.client.get(resource, tracked.run.namespace, name)
    except ApiError as error:
        if error.status == 404:
            return absent
        raise
    same = all(found.get(field) == manifest.get(field) for field in ("immutable", "data"))
    if is_ours(found, tracked.identity) and (resource is not CONFIG_MAPS or same):
        return None
    message = (
        f"a {resource.kind} named {name} exists that is not this execution's; "
        "delete it and run again"
    )
    return refused(Reason.NAME_TAKEN, message, permanent=True)
