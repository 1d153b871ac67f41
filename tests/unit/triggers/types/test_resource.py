"""`resource`: objects that are added, changed and deleted, never Secrets nor what is ours."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY
from tests.unit.triggers.watched_objects import AT, config_map, found

MAPS: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "changes": ["Added", "Modified"]}


def test_an_event_is_the_object_without_managed_fields() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "shop"}
    (event,) = found(config_map(annotations=applied), resource=MAPS)
    assert event.at == AT
    assert event.data["object"]["data"] == {"key": "value"}
    assert event.data["object"]["metadata"]["annotations"] == {"team": "shop"}
    assert "managedFields" not in event.data["object"]["metadata"]


def test_a_large_object_is_reduced_to_what_identifies_it() -> None:
    (event,) = found({**config_map(), "data": {"key": "x" * 50_000}}, resource=MAPS)
    assert event.data["truncated"] is True
    assert "data" not in event.data["object"]
    assert event.data["object"]["metadata"]["name"] == "settings"


def test_a_change_is_known_by_its_version_and_an_addition_or_deletion_happens_once() -> None:
    raw = config_map()
    settings = {**MAPS, "changes": ["Added", "Modified", "Deleted"]}

    def identity(change: str, version: str) -> str:
        raw["metadata"]["resourceVersion"] = version
        (event,) = found(raw, change, resource=settings)
        return event.identity

    assert identity("MODIFIED", "7") == identity("MODIFIED", "7") != identity("MODIFIED", "8")
    assert identity("ADDED", "7") == identity("ADDED", "8")
    assert identity("DELETED", "7") == identity("DELETED", "8")
    assert len({identity(change, "7") for change in ("ADDED", "MODIFIED", "DELETED")}) == 3


def test_only_the_changes_names_and_labels_that_it_asks_for() -> None:
    raw = config_map(labels={"app": "web"})
    assert found(raw, "DELETED", resource=MAPS) == []
    assert found(raw, resource={**MAPS, "name": "other"}) == []
    assert found(raw, resource={**MAPS, "labels": {"app": "api"}}) == []
    assert found(raw, resource={**MAPS, "name": "settings", "labels": {"app": "web"}})


@pytest.mark.parametrize(
    "labels",
    [
        {"automation.itechsmart.dev/execution-uid": "u"},
        {"app.kubernetes.io/managed-by": "itechsmart-workflow"},
    ],
)
def test_what_belongs_to_executions_is_no_event(labels: dict[str, str]) -> None:
    assert found(config_map(labels=labels), resource=MAPS) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"apiVersion": "v1", "kind": "Secret"}, "no Trigger sees Secrets"),
        ({"apiVersion": "v1", "resource": "secrets"}, "no Trigger sees Secrets"),
        ({"apiVersion": "v1", "kind": "Event"}, "write `kubernetesEvent`"),
        (
            {"apiVersion": "automation.itechsmart.dev/v1alpha1", "kind": "WorkflowExecution"},
            "write `execution` or `incident`",
        ),
        ({"apiVersion": "v1"}, "write one of kind and resource"),
        ({"apiVersion": "v1", "kind": "Pod", "resource": "pods"}, "write one of kind and resource"),
        (
            {"apiVersion": "apps/", "kind": "Deployment"},
            "spec.resource.apiVersion: 'apps/' is none",
        ),
        ({"apiVersion": "v1", "kind": "pod"}, "spec.resource.kind: 'pod' is none"),
        ({"apiVersion": "v1", "resource": "Pods"}, "spec.resource.resource: 'Pods' is none"),
    ],
)
def test_what_no_trigger_follows_is_refused(settings: dict[str, Any], said: str) -> None:
    spec = {"workflow": "w", "resource": {**settings, "changes": ["Added"]}}
    assert said in judge_trigger(REGISTRY, spec, {}).message
