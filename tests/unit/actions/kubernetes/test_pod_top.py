"""pod-top against a server that serves metrics; tests/cluster has a real one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.observe.pod_top import quantity
from tests.unit.actions.kubernetes.attempts import attempt, refused
from tests.unit.actions.kubernetes.kubeserver import KubeServer


async def metrics(cluster: KubeServer, name: str, *usages: tuple[str, str]) -> None:
    containers = [
        {"name": f"c{index}", "usage": {"cpu": cpu, "memory": memory}}
        for index, (cpu, memory) in enumerate(usages)
    ]
    await cluster.put("pods", "shop", name, containers=containers)


async def test_pods_are_sorted_and_summed(cluster: KubeServer, connected: Context) -> None:
    await metrics(cluster, "a", ("250m", "100Mi"), ("1500000n", "28Mi"))
    await metrics(cluster, "b", ("2", "64Mi"))
    outputs = await attempt("pod-top", connected)
    assert [pod["name"] for pod in outputs.pods] == ["a", "b"]
    assert outputs.pods[0] == {"name": "a", "cpuMillicores": 252, "memoryMebibytes": 128}
    assert (outputs.count, outputs.cpu_millicores, outputs.memory_mebibytes) == (2, 2252, 192)
    assert outputs.table == "a 252m 128Mi\nb 2000m 64Mi"
    by_cpu = await attempt("pod-top", connected, sortBy="cpu", limit=1)
    assert [pod["name"] for pod in by_cpu.pods] == ["b"]
    assert (by_cpu.cpu_millicores, by_cpu.truncated) == (2252, True)
    assert (await attempt("pod-top", connected, name="b")).count == 1


async def test_a_pod_without_metrics_is_worth_a_retry(connected: Context) -> None:
    error = await refused("pod-top", connected, name="new")
    assert (error.exit_code, "there are no metrics of pod shop/new" in str(error)) == (FAILED, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("123456789n", Decimal("0.123456789")), ("12u", Decimal("0.000012")),
     ("5m", Decimal("0.005")), ("3", 3), ("1Ki", 1024), ("1.5Gi", 1.5 * 2**30), ("2k", 2000),
     ("1M", 10**6)],
)  # fmt: skip
def test_quantities_have_suffixes(text: str, expected: Decimal) -> None:
    assert quantity(text) == expected


async def test_a_cluster_without_metrics_is_permanent(
    cluster: KubeServer, connected: Context
) -> None:
    from aiohttp import web

    cluster.faults.append(web.Response(status=404, text="404 page not found"))
    error = await refused("pod-top", connected)
    assert (error.exit_code, "install metrics-server" in str(error)) == (PERMANENT, True)
