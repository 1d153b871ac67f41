"""set-image: what is written, what is reported, and what a retry does."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.kube.resources import Resource
from tests.apiserver import ApiServer, busy
from tests.unit.actions.kubernetes.attempts import (
    another_execution,
    attempt,
    refused,
    workload,
)

BEFORE = {"init": "init:1", "main": "main:1", "side": "side:1"}


def images(cluster: ApiServer, kind: str = "deployments") -> dict[str, str]:
    pod = cluster.objects[kind, "shop", "web"]["spec"]["template"]["spec"]
    return {each["name"]: each["image"] for each in [*pod["initContainers"], *pod["containers"]]}


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")],
)
async def test_named_containers_get_their_image_and_the_others_stay(
    cluster: ApiServer, connected: Context, kind: str, plural: str
) -> None:
    await workload(cluster, plural)
    done = await attempt("set-image", connected, kind=kind, name="web", images={"main": "main:2"})
    after = {**BEFORE, "main": "main:2"}
    assert images(cluster, plural) == after
    assert (done.changed, done.from_images, done.to_images) == (True, BEFORE, after)


async def test_an_asterisk_stands_for_all_others(cluster: ApiServer, connected: Context) -> None:
    await workload(cluster)
    await attempt("set-image", connected, name="web", images={"*": "all:2", "side": "side:2"})
    assert images(cluster) == {"init": "all:2", "main": "all:2", "side": "side:2"}


async def test_a_retry_reports_the_images_before_and_overrides_no_later_change(
    cluster: ApiServer, connected: Context
) -> None:
    await workload(cluster)
    await attempt("set-image", connected, name="web", images={"main": "main:2"})
    later = another_execution(connected)
    await attempt("set-image", later, name="web", images={"side": "side:9"})
    first = await attempt("set-image", later, name="web", images={"side": "side:2"})
    assert (first.repeated, images(cluster)["side"]) == (True, "side:9")
    assert first.from_images == {**BEFORE, "main": "main:2"}


async def test_images_as_they_are_are_not_written(cluster: ApiServer, connected: Context) -> None:
    await workload(cluster)
    done = await attempt("set-image", connected, name="web", images={"main": "main:1"})
    assert (done.changed, done.repeated, cluster.bodies) == (False, False, [])


async def test_an_unknown_container_is_named_with_those_there_are(
    cluster: ApiServer, connected: Context
) -> None:
    await workload(cluster)
    error = await refused("set-image", connected, name="web", images={"mian": "x"})
    expected = "Deployment shop/web has no container mian; it has init, main, side"
    assert (error.exit_code, str(error)) == (PERMANENT, expected)
    assert (await refused("set-image", connected, name="no", images={"a": "x"})).exit_code == (
        PERMANENT
    )


async def test_a_change_by_others_in_between_is_not_lost(
    cluster: ApiServer, connected: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workload(cluster)
    client = connected.cluster()
    merge = client.merge
    label = {"metadata": {"labels": {"team": "shop"}}}

    def merge_late(resource: Resource, namespace: str, name: str, patch: Any) -> Any:
        monkeypatch.undo()
        merge(resource, namespace, name, label)
        return merge(resource, namespace, name, patch)

    monkeypatch.setattr(client, "merge", merge_late)
    await attempt("set-image", connected, name="web", images={"main": "main:2"})
    web = cluster.objects["deployments", "shop", "web"]
    assert (web["metadata"]["labels"], images(cluster)["main"]) == ({"team": "shop"}, "main:2")


async def test_throttling_is_retried(cluster: ApiServer, connected: Context) -> None:
    await workload(cluster)
    cluster.faults.extend(busy() for _ in range(9))
    error = await refused("set-image", connected, name="web", images={"main": "main:2"})
    assert error.exit_code == FAILED
