"""Samples: events of every type that the settings select, and that its schema describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Clock, Requests
from orchestrator.triggers.types.manual import MANUAL

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
AT = 1_800_000_000.0
TRIGGERS = {
    f"{path.stem}/{raw['metadata']['name']}": raw["spec"]
    for path in sorted(EXAMPLES.glob("trigger-*.yaml"))
    for raw in yaml.safe_load_all(path.read_text())
    if raw["kind"] == "Trigger"
}


def read(spec: dict[str, Any]) -> Trigger:
    trigger = REGISTRY.read({"workflow": "w", **spec})
    assert isinstance(trigger, Trigger), trigger
    return trigger


def sample(**spec: Any) -> Any:
    trigger = read(spec)
    return trigger.type.sample(trigger.settings, AT)


def test_there_is_an_example_of_every_type() -> None:
    assert {read(spec).type.key for spec in TRIGGERS.values()} == {
        each.key for each in REGISTRY.types
    }


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_sample_of_an_example_is_as_its_schema_says(name: str) -> None:
    trigger = read(TRIGGERS[name])
    found = trigger.type.sample(trigger.settings, AT)
    if isinstance(trigger.type.source, Clock | Requests):
        assert found is None, "it has requests or slots to try it with"
        return
    if trigger.type is MANUAL:
        assert found is None, "people must give inputs"
        return
    assert found is not None
    event = trigger.type.event.model_validate(found)
    assert event.model_dump(mode="json", by_alias=True).keys() == found.keys()


def test_samples_are_events_that_the_settings_select() -> None:
    ended = sample(execution={"workflow": "build", "phases": ["Failed", "TimedOut"]})
    assert (ended["workflow"], ended["phase"]) == ("build", "Failed")
    incident = sample(incident={"transitions": ["Escalated"], "severities": ["Critical"]})
    assert (incident["transition"], incident["severity"]) == ("Escalated", "Critical")
    rollout = sample(deployment={"name": "web", "labels": {"a": "b"}, "outcomes": ["Stalled"]})
    assert (rollout["name"], rollout["labels"], rollout["outcome"]) == (
        "web",
        {"a": "b"},
        "Stalled",
    )
    reported = sample(kubernetesEvent={"reasons": ["Killing"], "kinds": ["Node"]})
    assert (reported["reason"], reported["object"]["kind"]) == ("Killing", "Node")
    changed = {"apiVersion": "v1", "kind": "ConfigMap", "name": "flags", "changes": ["Deleted"]}
    assert sample(resource=changed)["object"]["metadata"]["name"] == "flags"
    s3 = {"bucket": "orders", "prefix": "in/", "credentials": {"name": "keys"}}
    assert sample(fileWatch={"s3": s3})["key"].startswith("in/")


def test_a_manual_trigger_has_a_sample_unless_people_must_give_inputs() -> None:
    assert sample(manual={}) == {"inputs": {}, "requestId": "sample"}
    schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert sample(manual={"inputs": schema}) is None
