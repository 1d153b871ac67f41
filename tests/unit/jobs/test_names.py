"""Whatever is Valid yields names that the API server takes."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.lifecycle.revision import freeze
from orchestrator.jobs.build import ExecutionIdentity, NodeJob, build_job
from orchestrator.jobs.fan_out import FanOutJob, build_fan_out
from orchestrator.jobs.items import MAX_ITEMS
from orchestrator.jobs.names import job_name
from orchestrator.models.base import DNS_LABEL_PATTERN, DNS_SUBDOMAIN_PATTERN, IDENTIFIER_PATTERN
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.operations.start import start_for_trigger
from orchestrator.triggers.plan import PlannedExecution, plan
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event
from orchestrator.validation.naming import workflow_name
from tests.builders import IMAGE, template

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})*")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
UID = "7f3c1f7e-0000-4000-8000-000000000000"

workflows = (
    st.from_regex(DNS_LABEL_PATTERN, fullmatch=True)
    .map(lambda x: x[:63])
    .filter(lambda name: not workflow_name(name))
)
nodes = st.from_regex(IDENTIFIER_PATTERN, fullmatch=True).map(lambda x: x[:63]) | st.sampled_from(
    ["n" * 63, "n" + "B" * 62, "n_" * 31, "n" + "_" * 62]
)
objects = st.from_regex(DNS_SUBDOMAIN_PATTERN, fullmatch=True).filter(SUBDOMAIN.fullmatch) | (
    st.sampled_from(["t" * 63, "t" * 253, "t.u" * 80, "a" * 57 + "-b", "1"])
)


def check(manifest: dict[str, Any]) -> None:
    """The rules of the API server for names and labels."""
    metadata = manifest["metadata"]
    assert SUBDOMAIN.fullmatch(metadata["name"])
    assert len(metadata["name"]) <= 253
    for key, value in (metadata.get("labels") or {}).items():
        assert len(value) <= 63, key
        assert LABEL_VALUE.fullmatch(value), key


@given(workflows | st.just("w" * 63), nodes, objects, st.integers(1, 10**6))
def test_a_job_and_its_pods_have_names_and_labels_that_are_taken(
    workflow: str, node: str, execution: str, attempt: int
) -> None:
    identity = ExecutionIdentity(execution, "shop", UID, workflow, {"name": execution})
    spec = template(action={"args": ["action", "task"]})
    job = build_job(spec, NodeJob(node, attempt, 0, {}, timeout_seconds=90), identity, None, IMAGE)
    check(job)
    check({"metadata": {"name": "pod", **job["spec"]["template"]["metadata"]}})
    assert LABEL.fullmatch(job["metadata"]["name"])
    assert len(job["metadata"]["name"]) <= 63
    fan = FanOutJob(node, attempt, [{}], 60, None, 10, 0, 0, replace_disrupted=False)
    made = build_fan_out(spec, fan, identity, None, IMAGE)
    for item in (made.job, *made.config_maps):
        check(item)
    largest = f"{made.job['metadata']['name']}-{MAX_ITEMS - 1}"
    assert LABEL.fullmatch(largest)
    assert len(largest) <= 63


def test_a_name_that_leaves_room_for_the_index_is_that_of_any_other_job() -> None:
    assert job_name("flow", "a", UID, 1) == job_name("flow", "a", UID, 1, indexed=True)


@given(objects, st.text(min_size=1), workflows)
def test_a_trigger_of_any_name_starts_executions_with_names_that_are_taken(
    trigger: str, identity: str, workflow: str
) -> None:
    spec = REGISTRY.spec.model_validate(
        {
            "workflow": workflow,
            "schedule": {"cron": "* * * * *"},
            "dedupe": {"key": "'x'", "window": "1h"},
        }
    )
    metadata = {"name": trigger, "namespace": "shop", "uid": UID}
    started = plan(metadata, spec, Event("schedule", identity, {}, 0.0))
    assert isinstance(started, PlannedExecution)
    check(start_for_trigger(started))


@given(workflows | st.just("w" * 63))
def test_a_revision_has_a_name_that_is_taken(workflow: str) -> None:
    spec = WorkflowSpec.model_validate({"nodes": [{"name": "a", "delay": "1s"}]})
    check({"metadata": {"name": freeze(workflow, spec, {}, IMAGE, {}).name}})
