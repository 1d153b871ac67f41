"""A new type of trigger is one file and one line in the registry: all else reads it there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
import yaml

from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.crds import KINDS
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.crd import render
from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY, Registry
from tests.incident_trigger import OPENED
from tests.interval_trigger import INTERVAL
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.trigger_process import Cluster, Process, trigger
from tests.simulation.world import START
from tests.virtual_time import run_virtually

TYPES = Registry(
    *REGISTRY.types,
    INTERVAL,
    OPENED,
)


async def test_a_type_of_its_own_fires_each_event_once() -> None:
    variables = {"variables": [{"name": "number", "type": "integer", "required": True}]}
    main = {**variables, "nodes": [{"name": "a", "delay": "1s"}]}
    store = store_with(manifest("Workflow", "main", main))
    spec = {
        "workflow": "main",
        "interval": {"every": "1m"},
        "filter": "event.number % 2 == 0",
        "variables": {"number": "$[[ event.number ]]"},
    }
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    transport = FaultyTransport(store)
    async with running_operator(store, transport, trigger_types=TYPES):
        await asyncio.sleep(605)
    made = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("trigger")]
    assert {raw["spec"]["trigger"]["type"] for raw in made} == {"interval"}
    assert len({raw["spec"]["variables"]["number"] for raw in made}) == len(made) == 5
    assert all(raw["status"]["phase"] == "Succeeded" for raw in made[:4])
    (raw,) = store.all("triggers")
    assert raw["status"]["counts"] == {"received": 10, "started": 5, "filtered": 5}
    ready = next(each for each in raw["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Valid")


def incident(name: str, severity: str, at: float) -> Raw:
    metadata = {"name": name, "namespace": "ns", "uid": f"u-{name}"}
    metadata["creationTimestamp"] = to_rfc3339(at)
    return {"metadata": metadata, "spec": {"title": f"{name} is down", "severity": severity}}


class WithIncidents(Process):
    """A process that can read Incidents too."""

    def __init__(self, cluster: Cluster, incidents: dict[str, Raw]) -> None:
        super().__init__(cluster)
        self._incidents = incidents

    async def get(self, resource: object, _namespace: str, name: str) -> Raw:
        if resource is INCIDENTS:
            return self._incidents[name]
        return await super().get(resource, _namespace, name)


def test_a_type_of_its_own_that_watches_a_resource_fires_each_object_once() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(opened={"severity": "High"}))
        incidents = {
            raw["metadata"]["name"]: raw
            for raw in (
                incident("shop", "High", START + 10),
                incident("mail", "Low", START + 20),
                incident("bank", "High", START + 30),
            )
        }
        await asyncio.sleep(60)
        for _ in range(2):  # a restart
            cache = Cache()
            cache.put(cluster.trigger)
            client = cast("ApiClient", WithIncidents(cluster, incidents))
            triggers = Triggers(client, cluster.clock, cache, cluster.emit, registry=TYPES)
            work = asyncio.create_task(triggers.run())
            for raw in (*incidents.values(), *incidents.values()):
                triggers.observe(INCIDENTS, raw)
            triggers.changed(cluster.trigger)
            await asyncio.sleep(10)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        events = [raw["spec"]["trigger"]["event"] for raw in cluster.executions.values()]
        assert sorted(event["title"] for event in events) == ["bank is down", "shop is down"]

    run_virtually(scenario())


def test_its_settings_are_in_the_custom_resource() -> None:
    kind = next(kind for kind in KINDS if kind.name == "Trigger")
    schema = _spec_schema(render(replace(kind, spec=TYPES.spec)))
    assert schema["properties"]["interval"]["description"] == INTERVAL.starts
    assert schema["properties"]["interval"]["required"] == ["every"]
    (rule,) = schema["x-kubernetes-validations"]
    assert "has(self.interval)" in rule["rule"]
    assert rule["message"].startswith("a trigger has exactly one of schedule, ")
    assert rule["message"].endswith(" interval and opened")


def _spec_schema(rendered: str) -> dict[str, Any]:
    version = yaml.safe_load(rendered)["spec"]["versions"][0]
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, " interval and opened"),
        ({"intervall": {"every": "1m"}}, "there is no field 'intervall'; did you mean 'interval'?"),
        ({"interval": {"evry": "1m"}}, "there is no field 'evry'; did you mean 'every'?"),
        (
            {"interval": {"every": "1m"}, "filter": "event.numbr == 1"},
            "spec.filter: event has no key 'numbr'; did you mean 'number'?",
        ),
    ],
)
def test_its_settings_and_event_are_checked(fields: dict[str, Any], said: str) -> None:
    assert said in judge_trigger(TYPES, {"workflow": "w", **fields}, {}).message
