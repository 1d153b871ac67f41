"""apply, patch, delete, wait-for and deploy-application: what is refused, retried and awaited.

tests/cluster/test_manifest_actions.py proves the same actions on a real API server.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.apiserver import ApiServer, busy
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.kubernetes.attempts import attempt, refused, workload

CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("apply", {"manifests": [CONFIG], "yaml": "a: 1"}, "either manifests or yaml"),
        ("deploy-application", {}, "give either manifests"),
        ("deploy-application", {"name": "web"}, "name and images go together"),
        (
            "deploy-application",
            {"name": "web", "images": {"a": "b"}, "manifests": [CONFIG]},
            "give either manifests",
        ),
        ("patch", {"kind": "ConfigMap", "name": "a"}, "either patch or operations"),
        ("delete", {"kind": "Pod"}, "either name or selector"),
        ("delete", {"kind": "Pod", "name": "a", "kinds": ["pods/v1"]}, "kinds"),
        ("wait-for", {"kind": "Pod", "name": "a"}, "one of condition"),
        ("wait-for", {"kind": "Pod", "name": "a", "value": "x", "created": True}, "value needs"),
    ],
)
async def test_parameters_that_do_not_go_together_are_refused(
    connected: Context, action: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        await attempt(action, connected, **parameters)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "there is no manifest to apply"),
        ({"manifests": [{"kind": "Pod"}]}, "manifest 1 has no apiVersion"),
        ({"manifests": [CONFIG, {**CONFIG, "metadata": {}}]}, "manifest 2 (ConfigMap) has no meta"),
        ({"yaml": "a: [1"}, "yaml: this is not YAML"),
        ({"yaml": "- 1"}, "manifest 1 is not an object"),
        ({"manifests": [{**CONFIG, "kind": "Secret"}]}, "Secret is not an allowed kind"),
        (
            {"manifests": [{**CONFIG, "apiVersion": "apps/v1"}]},
            "ConfigMap.apps is not an allowed kind",
        ),
    ],
)
async def test_what_is_no_manifest_or_not_allowed_is_permanent_and_writes_nothing(
    cluster: ApiServer, connected: Context, parameters: dict[str, Any], words: str
) -> None:
    error = await refused("apply", connected, **parameters)
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error
    assert cluster.bodies == []


async def test_the_items_of_a_list_are_applied_without_what_the_server_adds(
    cluster: ApiServer, connected: Context
) -> None:
    read = {
        **CONFIG,
        "metadata": {"name": "a", "resourceVersion": "1", "managedFields": []},
        "status": {},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [read]}
    done = await attempt("apply", connected, manifests=[listed])
    assert done.created == ["ConfigMap/a"]
    assert cluster.bodies == [("PATCH", "configmaps", CONFIG)]
    assert (await attempt("apply", connected, manifests=[listed])).unchanged == ["ConfigMap/a"]


async def test_a_busy_server_is_worth_a_retry(cluster: ApiServer, connected: Context) -> None:
    cluster.faults.extend(busy() for _ in range(9))
    assert (await refused("apply", connected, manifests=[CONFIG])).exit_code == FAILED


async def test_a_patch_is_not_applied_twice(cluster: ApiServer, connected: Context) -> None:
    await cluster.put("configmaps", "shop", "a", data={"n": "1"})
    asked: dict[str, Any] = {"kind": "ConfigMap", "name": "a", "patch": {"data": {"n": "2"}}}
    assert (await attempt("patch", connected, **asked)).changed
    await cluster.put("configmaps", "shop", "a", **{
        **cluster.objects["configmaps", "shop", "a"], "data": {"n": "3"},
    })  # fmt: skip
    assert (await attempt("patch", connected, **asked)).repeated
    assert cluster.objects["configmaps", "shop", "a"]["data"] == {"n": "3"}


async def test_only_the_object_that_was_read_is_deleted(
    cluster: ApiServer, connected: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.put("pods", "shop", "a")
    await attempt("delete", connected, kind="Pod", name="a", gracePeriodSeconds=0)
    ((_, _, options),) = cluster.bodies
    assert options["gracePeriodSeconds"] == 0
    assert options["preconditions"]["uid"].startswith("uid-")
    assert options["propagationPolicy"] == "Background"
    await cluster.put("pods", "shop", "a")
    client = connected.cluster()
    read = client.find

    def find_then_replaced(*arguments: Any) -> Any:
        found = read(*arguments)
        if found:
            cluster.objects["pods", "shop", "a"]["metadata"]["uid"] = "another"
        return found

    monkeypatch.setattr(client, "find", find_then_replaced)
    await attempt("delete", connected, kind="Pod", name="a")
    assert cluster.objects["pods", "shop", "a"]["metadata"]["uid"] == "another"


async def test_a_condition_of_an_older_generation_does_not_count(
    cluster: ApiServer, connected: Context
) -> None:
    old = {"type": "Available", "status": "True", "observedGeneration": 1}
    await cluster.put(
        "deployments", "shop", "web", metadata={"generation": 2}, status={"conditions": [old]}
    )
    asked = {"kind": "Deployment", "name": "web", "condition": "Available", "timeout": "10s"}
    error = await refused("wait-for", connected, **asked)
    assert (error.exit_code, "of an older generation after" in str(error)) == (FAILED, True)


async def test_all_that_a_selector_matches_are_waited_for(
    cluster: ApiServer, connected: Context, clock: VirtualClock
) -> None:
    ready, waiting = ([{"type": "Ready", "status": status}] for status in ("True", "False"))
    for name, conditions in (("a", ready), ("b", waiting)):
        labels = {"app": "web"}
        status = {"conditions": conditions}
        await cluster.put("pods", "shop", name, metadata={"labels": labels}, status=status)
    asked = {"kind": "Pod", "selector": "app=web", "condition": "Ready"}
    error = await refused("wait-for", connected, **asked, timeout="5s")
    assert "Pod shop/b has condition Ready=False" in str(error)
    passed = clock.sleep

    def sleep(seconds: float) -> None:
        passed(seconds)
        cluster.objects["pods", "shop", "b"]["status"] = {"conditions": ready}

    clock.sleep = sleep  # type: ignore[method-assign]
    assert sorted((await attempt("wait-for", connected, **asked)).names) == ["a", "b"]


async def test_a_retry_of_a_deployment_waits_on_and_keeps_the_images_before(
    cluster: ApiServer, connected: Context
) -> None:
    made = await workload(cluster)
    complete = {**made["status"], "observedGeneration": 9}
    cluster.objects["deployments", "shop", "web"]["status"] = {**complete, "availableReplicas": 0}
    asked: dict[str, Any] = {"name": "web", "images": {"main": "main:2"}, "timeout": "10s"}
    error = await refused("deploy-application", connected, **asked)
    assert error.exit_code == FAILED
    assert str(error).endswith("replicas are available (main from main:1 to main:2)")
    cluster.objects["deployments", "shop", "web"]["status"] = complete
    done = await attempt("deploy-application", connected, **asked)
    assert (done.repeated, done.changed) == (True, ["Deployment/web"])
    assert done.from_images["Deployment/web/main"] == "main:1"
    assert done.to_images["Deployment/web/main"] == "main:2"
