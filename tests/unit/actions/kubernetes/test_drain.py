"""cordon, uncordon and drain: which pods go, which stay, and who protects them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.kubernetes.attempts import attempt, refused
from tests.unit.actions.kubernetes.kubeserver import KubeServer


@pytest.fixture
async def node(cluster: KubeServer) -> KubeServer:
    """The node n1."""
    await cluster.put("nodes", "", "n1", spec={})
    return cluster


async def pod(
    cluster: KubeServer, name: str, owner: str = "ReplicaSet", node: str = "n1", **fields: Any
) -> None:
    owners = [{"kind": owner, "name": "o", "uid": "o", "controller": True}] if owner else []
    metadata = {"ownerReferences": owners, **fields.pop("metadata", {})}
    spec = {"nodeName": node, **fields.pop("spec", {})}
    await cluster.put("pods", "web", name, metadata=metadata, spec=spec, **fields)


def unschedulable(cluster: KubeServer) -> bool:
    return bool(cluster.objects["nodes", "", "n1"]["spec"].get("unschedulable"))


def left(cluster: KubeServer) -> set[str]:
    return {name for kind, _, name in cluster.objects if kind == "pods"}


async def test_a_node_is_cordoned_and_uncordoned(node: KubeServer, connected: Context) -> None:
    assert (await attempt("cordon", connected, node="n1")).changed
    assert unschedulable(node)
    writes = len(node.bodies)
    assert not (await attempt("cordon", connected, node="n1")).changed
    assert len(node.bodies) == writes
    done = await attempt("uncordon", connected, node="n1")
    assert (done.changed, done.unschedulable, unschedulable(node)) == (True, False, False)
    assert (await refused("cordon", connected, node="n2")).exit_code == PERMANENT


async def test_pods_go_but_those_of_daemon_sets_mirrors_and_other_nodes(
    node: KubeServer, connected: Context
) -> None:
    await pod(node, "a")
    await pod(node, "done", owner="", status={"phase": "Succeeded"})
    await pod(node, "agent", owner="DaemonSet")
    await pod(
        node, "etcd", owner="", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}
    )
    await pod(node, "elsewhere", node="n2")
    done = await attempt("drain", connected, node="n1", gracePeriodSeconds=3)
    assert (sorted(done.evicted), done.skipped) == (["web/a", "web/done"], 2)
    assert left(node) == {"agent", "etcd", "elsewhere"}
    assert unschedulable(node)
    evictions = [body for _, what, body in node.bodies if what == "evictions"]
    assert all(each["deleteOptions"]["gracePeriodSeconds"] == 3 for each in evictions)


async def test_what_would_be_lost_needs_a_parameter_and_nothing_is_evicted_before(
    node: KubeServer, connected: Context
) -> None:
    await pod(node, "a")
    await pod(node, "lone", owner="")
    await pod(node, "cache", spec={"volumes": [{"name": "v", "emptyDir": {}}]})
    error = await refused("drain", connected, node="n1")
    assert error.exit_code == PERMANENT
    assert "pods without a controller need force: web/lone" in str(error)
    assert "emptyDir volumes need deleteEmptyDirData: web/cache" in str(error)
    assert (left(node), unschedulable(node)) == ({"a", "lone", "cache"}, True)
    await attempt("drain", connected, node="n1", force=True, deleteEmptyDirData=True)
    assert left(node) == set()


async def test_a_disruption_budget_is_waited_for(
    node: KubeServer, connected: Context, clock: VirtualClock, log: list[str]
) -> None:
    await pod(node, "a")
    await pod(node, "b")
    node.budgets["a"] = 3
    done = await attempt("drain", connected, node="n1")
    assert sorted(done.evicted) == ["web/a", "web/b"]
    assert 15 <= clock.seconds < 20
    refusals = [line for line in log if "disruption budget" in line]
    assert len(refusals) == 1, "the same refusal is logged once"
    assert log.index("web/b is evicted") < log.index("web/a is evicted")


async def test_a_budget_that_never_allows_it_ends_at_the_timeout(
    node: KubeServer, connected: Context
) -> None:
    await pod(node, "a")
    node.budgets["a"] = -1
    error = await refused("drain", connected, node="n1", timeout="30s")
    assert error.exit_code == FAILED
    assert "1 pod is still on node n1 after 30 s: web/a: Cannot evict pod" in str(error)


async def test_the_node_of_the_action_itself_is_cordoned_and_left_to_the_retry(
    node: KubeServer, connected: Context
) -> None:
    await pod(node, "a")
    await node.put("pods", "shop", "run-drain-1-x", spec={"nodeName": "n1"})
    here = replace(connected, environ={"HOSTNAME": "run-drain-1-x"})
    error = await refused("drain", here, node="n1", force=True)
    assert (error.exit_code, "the action itself runs on node n1" in str(error)) == (FAILED, True)
    assert (left(node), unschedulable(node)) == ({"a", "run-drain-1-x"}, True)


async def test_only_pods_of_the_selector_go(node: KubeServer, connected: Context) -> None:
    await pod(node, "a", metadata={"labels": {"app": "web"}})
    await pod(node, "b")
    await attempt("drain", connected, node="n1", podSelector="app=web", force=True)
    assert left(node) == {"b"}
