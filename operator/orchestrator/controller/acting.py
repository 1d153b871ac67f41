"""Carries out what a pass decided about Jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from orchestrator.controller.children import REFUSALS, control_child, create_child, refused
from orchestrator.controller.client import ApiError
from orchestrator.controller.resources import JOBS, PODS
from orchestrator.controller.shell import Shell
from orchestrator.controller.tracked import Tracked
from orchestrator.engine import reasons
from orchestrator.engine.decisions import ControlChild, CreateChild, CreateJob, Creation, StopJob
from orchestrator.engine.observed import Attempt
from orchestrator.jobs.build import JobRefused, NodeJob, build_job
from orchestrator.jobs.observe import is_ours
from orchestrator.jobs.stop import DeletePod, PatchJob, PatchPod, plan_stop

Step = Creation | StopJob | ControlChild


async def create_all(shell: Shell, tracked: Tracked, steps: Iterable[Step]) -> None:
    """Create Jobs and sub-executions; what is refused is from now on part of what is observed."""
    wanted = [
        job
        for job in steps
        if isinstance(job, CreateJob | CreateChild)
        and tracked.name_of(job.node, job.attempt) not in tracked.created
        and (job.node, job.attempt) not in tracked.refused
    ]
    refusals = await asyncio.gather(*(_create(shell, tracked, job) for job in wanted))
    for job, refusal in zip(wanted, refusals, strict=True):
        if refusal is not None:
            tracked.refused[job.node, job.attempt] = refusal


async def stop_job(shell: Shell, tracked: Tracked, decision: StopJob) -> None:
    """Stop an attempt's Job; asked again, it does nothing."""
    name = tracked.name_of(decision.node, decision.attempt)
    if (name, decision.force) in tracked.stopped:
        return
    await stop_named(shell, tracked.run.namespace, name, force=decision.force)
    tracked.stopped.add((name, decision.force))


async def stop_named(shell: Shell, namespace: str, name: str, *, force: bool) -> None:
    """Stop the Job of this name and its pods; one that is gone is stopped."""
    selector = f"batch.kubernetes.io/job-name={name}"
    pods, _ = await shell.client.list(PODS, namespace, label_selector=selector)
    for step in plan_stop(name, pods, force=force):
        try:
            match step:
                case PatchPod():
                    await shell.client.patch(PODS, namespace, step.name, step.patch)
                case PatchJob():
                    await shell.client.patch(JOBS, namespace, step.name, step.patch)
                case DeletePod():
                    await shell.client.delete(
                        PODS, namespace, step.name, grace_period=step.grace_period
                    )
        except ApiError as error:
            if error.status != 404:
                raise


async def control_all(shell: Shell, tracked: Tracked, steps: Iterable[Step]) -> None:
    """Stop Jobs and pass on to sub-executions what is asked of them."""
    for step in steps:
        if isinstance(step, StopJob):
            await stop_job(shell, tracked, step)
        elif isinstance(step, ControlChild):
            await control_child(shell, tracked, step)


async def _create(
    shell: Shell, tracked: Tracked, decision: CreateJob | CreateChild
) -> Attempt | None:
    if isinstance(decision, CreateChild):
        return await create_child(shell, tracked, decision)
    return await _create_job(shell, tracked, decision)


async def _create_job(shell: Shell, tracked: Tracked, decision: CreateJob) -> Attempt | None:
    node = tracked.graph.nodes[decision.node]
    assert node.template is not None
    name = tracked.name_of(decision.node, decision.attempt)
    wanted = NodeJob(
        node=decision.node,
        attempt=decision.attempt,
        iteration=decision.iteration,
        parameters=decision.parameters,
        timeout_seconds=max(1, round(node.timeout)),
    )
    graph = tracked.graph
    try:
        manifest = build_job(
            node.template, wanted, tracked.identity, graph.spec.pod, graph.runner_image
        )
    except JobRefused as error:
        return refused(error.reason, str(error), permanent=True)
    if account := manifest["spec"]["template"]["spec"].get("serviceAccountName"):
        refusal = await shell.accounts.refusal(tracked.run.namespace, account)
        if refusal:
            return refused(reasons.SERVICE_ACCOUNT_NOT_ALLOWED, refusal, permanent=False)
    try:
        await shell.client.create(JOBS, tracked.run.namespace, manifest, urgent=True)
    except ApiError as error:
        if error.status == 409 and error.reason == "AlreadyExists":
            return await _adopt(shell, tracked, name)
        if error.status in REFUSALS:
            permanent = error.status in (400, 422)
            return refused(reasons.JOB_REFUSED, error.message, permanent=permanent)
        raise
    tracked.created[name] = shell.clock()
    return None


async def _adopt(shell: Shell, tracked: Tracked, name: str) -> Attempt | None:
    job = await shell.client.get(JOBS, tracked.run.namespace, name)
    if is_ours(job, tracked.identity):
        tracked.created[name] = shell.clock()
        return None
    message = f"a Job named {name} exists that is not this execution's; delete it and run again"
    return refused(reasons.NAME_TAKEN, message, permanent=True)
