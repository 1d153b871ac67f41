"""rollout-undo against a server that behaves: what is written, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.actions.action import FAILED, PERMANENT, ActionError, Context
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.rollout_undo import (
    RolledBack,
    RolloutUndo,
    _difference,
    rollout_undo,
)
from orchestrator.kube.access import Access
from orchestrator.kube.blocking import BlockingClient
from orchestrator.kube.resources import DEPLOYMENTS
from tests.apiserver import ApiServer, merged

REVISION = "deployment.kubernetes.io/revision"
NAMES = st.sampled_from("abcd")
VALUES = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inside: st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=8,
)


@pytest.fixture
async def cluster() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    yield server
    await server.stop()


@pytest.fixture
async def connected(cluster: ApiServer, context: Context) -> Context:
    client = BlockingClient(Access(await cluster.start()), "tests")
    return replace(context, cluster=lambda: client)


def template(image: str, **labels: str) -> dict[str, Any]:
    metadata = {"labels": {"app": "web", **labels}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": image}]}}


async def deployment(cluster: ApiServer, images: list[str], **spec: Any) -> None:
    """The Deployment `web` whose revisions, from 1, had these images."""
    labels = {"matchLabels": {"app": "web"}}
    annotations = {REVISION: str(len(images)), "cause": images[-1], "only-now": "x"}
    made = await cluster.put(
        "deployments", "shop", "web",
        metadata={"annotations": annotations},
        spec={"selector": labels, "template": template(images[-1]), **spec},
        status={"observedGeneration": 1},
    )  # fmt: skip
    for number, image in enumerate(images, 1):
        metadata = {
            "labels": {"app": "web"},
            "annotations": {REVISION: str(number), "cause": image},
            "ownerReferences": [{"uid": made["metadata"]["uid"]}],
        }
        hashed = template(image, **{"pod-template-hash": f"h{number}"})
        spec = {"template": hashed}
        await cluster.put("replicasets", "shop", f"web-{number}", metadata=metadata, spec=spec)
    other = {"labels": {"app": "web"}, "annotations": {REVISION: "9"}}
    await cluster.put("replicasets", "shop", "other", metadata=other, spec={"template": {}})


async def undo(context: Context, **parameters: Any) -> RolledBack:
    asked = RolloutUndo.model_validate({"name": "web", **parameters})
    return await asyncio.to_thread(rollout_undo, asked, context)


async def refused(context: Context, **parameters: Any) -> ActionError:
    """The error of a rollback, as the node's attempt ends with it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        await undo(context, **parameters)
    known = caught.value if isinstance(caught.value, ActionError) else classify(caught.value)
    assert known is not None
    return known


def web(cluster: ApiServer) -> dict[str, Any]:
    return cluster.objects["deployments", "shop", "web"]


async def test_the_previous_revision_comes_back_with_its_annotations(
    cluster: ApiServer, connected: Context
) -> None:
    await deployment(cluster, ["v1", "v2", "v3"])
    done = await undo(connected)
    assert (done.from_revision, done.to_revision, done.changed) == (3, 2, True)
    assert web(cluster)["spec"]["template"] == template("v2")
    annotations = web(cluster)["metadata"]["annotations"]
    assert (annotations["cause"], annotations[REVISION]) == ("v2", "3")
    assert "only-now" not in annotations


async def test_a_revision_can_be_named(cluster: ApiServer, connected: Context) -> None:
    await deployment(cluster, ["v1", "v2", "v3"])
    assert (await undo(connected, toRevision=1)).to_revision == 1
    assert web(cluster)["spec"]["template"] == template("v1")


async def test_a_retry_does_not_roll_back_twice(cluster: ApiServer, connected: Context) -> None:
    await deployment(cluster, ["v1", "v2", "v3"])
    await undo(connected)
    writes = len(cluster.bodies)
    again = await undo(connected)
    assert (again.from_revision, again.to_revision, again.repeated) == (3, 2, True)
    assert len(cluster.bodies) == writes


async def test_what_is_so_already_is_not_written(cluster: ApiServer, connected: Context) -> None:
    await deployment(cluster, ["v1", "v2"])
    assert not (await undo(connected, toRevision=2)).changed
    assert cluster.bodies == []


async def test_what_cannot_be_rolled_back_is_permanent(
    cluster: ApiServer, connected: Context
) -> None:
    assert (await refused(connected)).exit_code == PERMANENT
    await deployment(cluster, ["v1"])
    assert "has no revision before 1" in str(await refused(connected))
    unknown = await refused(connected, toRevision=7)
    assert (unknown.exit_code, "no revision 7; it has 1" in str(unknown)) == (PERMANENT, True)
    await deployment(cluster, ["v1", "v2"], paused=True)
    paused = await refused(connected)
    assert (paused.exit_code, "is paused" in str(paused)) == (PERMANENT, True)


async def test_a_spec_without_its_revision_yet_is_worth_a_retry(
    cluster: ApiServer, connected: Context
) -> None:
    await deployment(cluster, ["v1", "v2"])
    web(cluster)["metadata"]["generation"] = 2
    unobserved = await refused(connected)
    assert (unobserved.exit_code, "has not observed" in str(unobserved)) == (FAILED, True)
    assert cluster.bodies == []


async def test_a_deployment_changed_meanwhile_is_left_alone(
    cluster: ApiServer, connected: Context
) -> None:
    await deployment(cluster, ["v1", "v2"])
    client = connected.cluster()
    read = client.list

    def list_then_change(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        client.merge(DEPLOYMENTS, "shop", "web", {"metadata": {"labels": {"changed": "yes"}}})
        return found

    client.list = list_then_change  # type: ignore[method-assign]
    assert (await refused(connected)).exit_code == FAILED
    assert web(cluster)["spec"]["template"] == template("v2")


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_patch_makes_one_object_of_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert merged(before, _difference(before, after)) == after
