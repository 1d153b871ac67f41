"""All objects of one attempt: its Job, and the objects that its pods mount."""

from __future__ import annotations

import math
from typing import Any

from orchestrator.engine.decisions import CreateFanOut, CreateJob
from orchestrator.engine.expression_budgets import MAX_JOB_WORK, MAX_PASS_WORK
from orchestrator.engine.graph import DEFAULT_PARALLELISM, Graph
from orchestrator.expressions.budget import Account, paid_by
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.build import build_job
from orchestrator.jobs.fan_out import FanOutJob, build_fan_out
from orchestrator.jobs.workspace import build_claim, mount
from orchestrator.models.base import parse_duration
from orchestrator.models.workflow import RetryReason


def job_manifests(
    graph: Graph, decision: CreateJob | CreateFanOut, identity: ExecutionIdentity
) -> list[dict[str, Any]]:
    """The manifests in the order of their creation, the Job last. Raises JobRefused."""
    if isinstance(decision, CreateJob):
        manifests = [_job(graph, decision, identity)]
    else:
        manifests = _fan_out(graph, decision, identity)
    if (workspace := graph.spec.workspace) is not None:
        mount(_pod_of(manifests), workspace, identity)
        manifests.insert(0, build_claim(workspace, identity))
    return manifests


def service_account_of(manifests: list[dict[str, Any]]) -> str | None:
    """The service account of the attempt's pods, if they have one."""
    account: str | None = _pod_of(manifests).get("serviceAccountName")
    return account


def _pod_of(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = manifests[-1]["spec"]["template"]["spec"]
    return pod


def _job(graph: Graph, decision: CreateJob, identity: ExecutionIdentity) -> dict[str, Any]:
    node = graph.nodes[decision.node]
    assert node.template is not None
    wanted = NodeJob(
        node=decision.node,
        attempt=decision.attempt,
        iteration=decision.iteration,
        parameters=decision.parameters,
        timeout_seconds=max(1, round(node.timeout)),
    )
    with paid_by(Account(MAX_JOB_WORK)):
        return build_job(node.template, wanted, identity, graph.spec.pod, graph.runner_image)


def _fan_out(
    graph: Graph, decision: CreateFanOut, identity: ExecutionIdentity
) -> list[dict[str, Any]]:
    node = graph.nodes[decision.node]
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
    with paid_by(Account(MAX_PASS_WORK)):
        built = build_fan_out(node.template, wanted, identity, graph.spec.pod, graph.runner_image)
    return [*built.config_maps, built.job]
