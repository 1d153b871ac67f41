"""Stops Jobs, and the pods that they control."""

from __future__ import annotations

from orchestrator.controller.concurrent_requests import gather_results
from orchestrator.controller.executions.observe.live_read import known_job, live, own_job
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import log
from orchestrator.engine.decisions import StopJob
from orchestrator.jobs.evidence import controlled
from orchestrator.jobs.observe import fans_out
from orchestrator.jobs.stop import DeletePod, PatchJob, PatchPod, Step, plan_stop
from orchestrator.kube.cache import JOB_NAME
from orchestrator.kube.client import ApiError, Raw
from orchestrator.kube.resources import JOBS, PODS

WORKING = "status.phase!=Succeeded,status.phase!=Failed"
"""Selects the pods that have not ended."""


async def stop_job(context: ReconcileContext, state: ExecutionState, decision: StopJob) -> None:
    """Stop an attempt's Job; repeated calls do nothing."""
    name = state.name_of(decision.node, decision.attempt)
    if state.stops.was_sent(name, force=decision.force):
        return
    job = known_job(context, state, name)
    if job is None:  # created by an earlier process, or not observed yet
        job = own_job(state, name, await live(context, JOBS, state.run.namespace, name))
    if job is not None:
        await stop(context, job, force=decision.force)
    log.debug(state.key, "stopped: Job %s%s", name, " by force" if decision.force else "")
    state.stops.sent(name, force=decision.force)


async def stop(context: ReconcileContext, job: Raw, *, force: bool) -> None:
    """Stop a Job and the pods that it controls; a deleted Job counts as stopped.

    Pods that only carry its label belong to others, as does a Job of its name with another uid. A
    fan-out is stopped through its Job, which would otherwise continue with other items.
    """
    namespace, name, uid = (job["metadata"][field] for field in ("namespace", "name", "uid"))
    whole = fans_out(job)
    selector = f"{JOB_NAME}={name}"
    pods: list[Raw] = []
    if not whole or force:  # a fan-out may have thousands
        fields = WORKING if whole else ""
        pods, _ = await context.client.list(
            PODS, namespace, label_selector=selector, field_selector=fields
        )
    steps = plan_stop(name, controlled(pods, uid), force=force, whole=whole)
    for at_once in (steps[:1], steps[1:]):  # the Job first: it would make other pods
        await gather_results(_carry_out(context, namespace, uid, step) for step in at_once)


async def _carry_out(context: ReconcileContext, namespace: str, uid: str, step: Step) -> None:
    try:
        match step:
            case PatchPod():
                await context.client.patch(PODS, namespace, step.name, step.patch)
            case PatchJob():
                guarded = {**step.patch, "metadata": {"uid": uid}}
                await context.client.patch(JOBS, namespace, step.name, guarded)
            case DeletePod():
                await context.client.delete(
                    PODS, namespace, step.name, grace_period=step.grace_period
                )
    except ApiError as error:
        if error.status not in (404, 409) and not _is_another(error):
            raise  # deleted, or replaced by another object


def _is_another(error: ApiError) -> bool:
    """Whether another object has the name: a merge patch with the uid of a deleted object is
    Invalid."""
    return error.status == 422 and "metadata.uid" in error.message
