"""Statuses of what people write: written once, and only when they differ."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.controller.definitions.incidents import incident_status
from orchestrator.controller.definitions.reconciler import DefinitionReconciler
from orchestrator.controller.definitions.templates import template_status
from orchestrator.controller.definitions.triggers import TriggerJudge
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.kube.cache import Cache, Raw, key_of
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import (
    CLUSTER_TEMPLATES,
    INCIDENTS,
    TEMPLATES,
    TRIGGERS,
    WORKFLOWS,
    Resource,
)
from tests.apiserver import ApiServer
from tests.builders import IMAGE, action, template


class Looking:
    """The passes, and a clock that goes on with each reading."""

    def __init__(self, client: ApiClient) -> None:
        self.caches = {
            resource: Cache()
            for resource in (WORKFLOWS, TEMPLATES, CLUSTER_TEMPLATES, TRIGGERS, INCIDENTS)
        }
        self.now = 0.0
        self.events: list[tuple[Any, ...]] = []
        self.workflows = Workflows(
            self.caches[WORKFLOWS], self.caches[TEMPLATES], self.caches[CLUSTER_TEMPLATES], IMAGE
        )
        self.triggers = TriggerJudge(client, self.caches[WORKFLOWS], self.caches[TRIGGERS])
        self.definitions = DefinitionReconciler(
            client,
            self.clock,
            self.caches,
            {
                WORKFLOWS: self.workflows.status,
                TEMPLATES: template_status,
                CLUSTER_TEMPLATES: template_status,
                INCIDENTS: incident_status,
            },
            lambda *event: self.events.append(event),
            live={TRIGGERS: self.triggers.status},
        )

    def clock(self) -> float:
        self.now += 1.0
        return self.now

    async def at(self, resource: Resource, raw: Raw) -> None:
        """The object was seen: one pass over it."""
        self.definitions.take(resource, None, raw)
        await self.definitions._pass((resource, *key_of(raw)))


@pytest.fixture
def looking(client: ApiClient) -> Looking:
    return Looking(client)


def conditions(raw: Raw) -> dict[str, str]:
    return {item["type"]: item["status"] for item in raw["status"]["conditions"]}


def current(server: ApiServer, plural: str, name: str = "x") -> dict[str, Any]:
    return server.objects[plural, "a", name]


SPEC = template().model_dump(mode="json", by_alias=True, exclude_unset=True)


async def test_a_settled_workflow_is_not_written_again(
    server: ApiServer, client: ApiClient, looking: Looking
) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": [{"name": "d", "delay": "1s"}]})
    await looking.at(WORKFLOWS, raw)
    assert conditions(current(server, "workflows")) == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
    }
    await looking.at(WORKFLOWS, current(server, "workflows"))
    assert client.requests["patch", "workflows"] == 1


async def test_a_workflow_becomes_ready_when_its_template_comes(
    server: ApiServer, looking: Looking
) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": [action("a")]})
    await looking.at(WORKFLOWS, raw)
    assert conditions(current(server, "workflows"))["Reconciling"] == "True"
    made = {"metadata": {"name": "task", "uid": "t", "generation": 1}, "spec": SPEC}
    looking.caches[CLUSTER_TEMPLATES].put(made)
    assert looking.workflows.users_of(made) == [("a", "x")]
    await looking.at(WORKFLOWS, current(server, "workflows"))
    assert conditions(current(server, "workflows"))["Ready"] == "True"


async def test_a_missing_template_or_workflow_is_named_with_the_nearest_of_the_namespace(
    server: ApiServer, looking: Looking
) -> None:
    near = {"metadata": {"namespace": "a", "name": "restart"}}
    elsewhere = {"metadata": {"namespace": "b", "name": "restrt"}}
    for cache in (TEMPLATES, WORKFLOWS):
        looking.caches[cache].put({**near, "spec": {}})
        looking.caches[cache].put({**elsewhere, "spec": {}})
    node = {"name": "n", "action": "local/restrat"}
    raw = await server.put("workflows", "a", "x", spec={"nodes": [node]})
    await looking.at(WORKFLOWS, raw)
    said = current(server, "workflows")["status"]["conditions"][0]["message"]
    assert said == (
        "spec.nodes[0].action: there is no Template 'restrat'; did you mean 'local/restart'?"
    )
    child = {"name": "n", "workflow": {"name": "restrat"}}
    raw = await server.put("workflows", "a", "y", spec={"nodes": [child]})
    await looking.at(WORKFLOWS, raw)
    said = current(server, "workflows", "y")["status"]["conditions"][0]["message"]
    assert said.endswith(
        "there is no Workflow 'restrat' in this namespace; did you mean 'restart'?"
    )


async def test_an_event_says_when_a_workflow_becomes_invalid_and_when_it_is_ready_again(
    server: ApiServer, looking: Looking
) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": [action("a")]})
    await looking.at(WORKFLOWS, raw)  # the Template may be applied after it
    made = {"metadata": {"name": "task", "uid": "t", "generation": 1}, "spec": SPEC}
    looking.caches[CLUSTER_TEMPLATES].put(made)
    await looking.at(WORKFLOWS, current(server, "workflows"))
    looking.caches[CLUSTER_TEMPLATES].remove(key_of(made))
    await looking.at(WORKFLOWS, current(server, "workflows"))
    await looking.at(WORKFLOWS, current(server, "workflows"))
    assert [reason for _, reason, _ in looking.events] == ["BecameReady", "NotReady"]
    about, _, message = looking.events[-1]
    assert (about["kind"], about["namespace"], about["name"]) == ("Workflow", "a", "x")
    assert message.startswith("TemplateNotFound: spec.nodes[0].action: ")


async def test_an_event_says_that_a_new_workflow_is_invalid(
    server: ApiServer, looking: Looking
) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": [{"name": "d", "delay": "soon"}]})
    await looking.at(WORKFLOWS, raw)
    ((_, reason, message),) = looking.events
    assert (reason, reason.warning) == ("NotReady", True)
    assert message.startswith("InvalidSpec: spec.nodes[0].delay: ")


async def test_only_users_of_a_local_template_are_judged_again(looking: Looking) -> None:
    for namespace, name, used in (("a", "one", "local/t"), ("b", "two", "local/t")):
        metadata = {"namespace": namespace, "name": name}
        spec = {"nodes": [{"name": "n", "action": used}]}
        looking.caches[WORKFLOWS].put({"metadata": metadata, "spec": spec})
    users = looking.workflows.users_of({"metadata": {"namespace": "b", "name": "t"}})
    assert users == [("b", "two")]


async def test_a_cache_that_is_behind_does_not_overwrite(
    server: ApiServer, looking: Looking
) -> None:
    old = await server.put("workflows", "a", "x", spec={"nodes": []})
    await server.put("workflows", "a", "x", spec={"nodes": [{"name": "d", "delay": "1s"}]})
    await looking.at(WORKFLOWS, old)
    assert current(server, "workflows")["status"]["observedGeneration"] == 2
    assert conditions(current(server, "workflows"))["Ready"] == "True"


async def test_nothing_is_kept_of_a_workflow_that_goes_while_it_is_verdicts(
    server: ApiServer, looking: Looking
) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": []})
    await looking.at(WORKFLOWS, raw)
    assert len(looking.workflows._verdicts) == 1
    looking.definitions.take(WORKFLOWS, "DELETED", raw)
    looking.workflows.forget(key_of(raw))
    looking.workflows.status(raw, 1.0)  # as of a thread that began before
    assert looking.workflows._verdicts == {}


async def test_a_deleted_object_is_ignored(server: ApiServer, looking: Looking) -> None:
    raw = await server.put("workflows", "a", "x", spec={"nodes": []})
    await server.remove("workflows", "a", "x")
    await looking.at(WORKFLOWS, raw)
    looking.definitions.take(WORKFLOWS, "DELETED", raw)
    assert len(looking.caches[WORKFLOWS]) == 0


async def test_a_trigger_that_starts_on_nothing_is_refused(
    server: ApiServer, looking: Looking
) -> None:
    await looking.at(TRIGGERS, await server.put("triggers", "a", "x", spec={"workflow": "w"}))
    condition = current(server, "triggers")["status"]["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")


NIGHTLY = {"workflow": "w", "schedule": {"cron": "0 3 * * *"}}


def ready(server: ApiServer) -> tuple[str, str]:
    condition = current(server, "triggers")["status"]["conditions"][0]
    return condition["status"], condition["reason"]


async def test_a_trigger_is_judged_again_when_its_workflow_comes_changes_and_goes(
    server: ApiServer, looking: Looking
) -> None:
    raw = await server.put("triggers", "a", "x", spec=NIGHTLY)
    await looking.at(TRIGGERS, raw)
    assert ready(server) == ("False", "WorkflowNotFound")
    for spec, expected in (
        ({"nodes": []}, ("True", "Valid")),
        ({"nodes": [], "state": "Inactive"}, ("False", "WorkflowNotActive")),
    ):
        workflow = await server.put("workflows", "a", "w", spec=spec)
        looking.definitions.take(WORKFLOWS, None, workflow)
        assert looking.triggers.users_of(workflow) == [("a", "x")]
        await looking.at(TRIGGERS, current(server, "triggers"))
        assert ready(server) == expected
    await server.remove("workflows", "a", "w")
    looking.definitions.take(WORKFLOWS, "DELETED", workflow)
    await looking.at(TRIGGERS, current(server, "triggers"))
    assert ready(server) == ("False", "WorkflowNotFound")


async def test_a_trigger_whose_workflow_is_not_listed_yet_is_judged_against_the_live_one(
    server: ApiServer, client: ApiClient, looking: Looking
) -> None:
    await server.put("workflows", "a", "w", spec={"nodes": []})
    await looking.at(TRIGGERS, await server.put("triggers", "a", "x", spec=NIGHTLY))
    assert ready(server) == ("True", "Valid")
    await looking.at(TRIGGERS, current(server, "triggers"))
    assert client.requests["patch", "triggers"] == 1


async def test_each_change_of_an_incident_is_recorded_once(
    server: ApiServer, looking: Looking
) -> None:
    await looking.at(INCIDENTS, await server.put("incidents", "a", "x", spec={"title": "down"}))
    await looking.at(INCIDENTS, current(server, "incidents"))
    await server.put("incidents", "a", "x", **changed(server, assignee="ana"))
    seen = current(server, "incidents")
    await asyncio.gather(*(looking.at(INCIDENTS, seen) for _ in range(3)))
    await server.put("incidents", "a", "x", **changed(server, state="Resolved"))
    await looking.at(INCIDENTS, current(server, "incidents"))
    timeline = current(server, "incidents")["status"]["timeline"]
    assert [(entry["field"], entry["to"]) for entry in timeline] == [
        ("state", "Open"),
        ("assignee", "ana"),
        ("state", "Resolved"),
    ]


def changed(server: ApiServer, **fields: Any) -> dict[str, Any]:
    raw = current(server, "incidents")
    return {"spec": {**raw["spec"], **fields}, "status": raw["status"]}
