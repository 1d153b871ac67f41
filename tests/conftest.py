"""Clusters for the suites that need one: each started once a session, and gone after it.

`ITW_KEEP_CLUSTERS=1` leaves them running, so that the next session starts at once. Sessions side by
side need names of their own: `ITW_CLUSTERS=mine`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.api import Cluster, down, up
from tests.kube import NAMESPACES, Kubectl

PREFIX = os.environ.get("ITW_CLUSTERS", "test")
ON_A_CLUSTER = ("cluster", "e2e")
"""Suites of which each works through its tests on one cluster, and mostly waits."""
COMPUTING = ("simulation", "unit")
"""Suites that only compute, those that take longest first."""


def _suite(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side (see dev/test), each suite on a cluster goes to one worker, before the rest."""
    if not hasattr(config, "workerinput"):
        return
    order = [*ON_A_CLUSTER, *COMPUTING]
    items.sort(key=lambda item: (order.index(_suite(item)), item.path.name != "test_faults.py"))
    for item in items:
        if (suite := _suite(item)) in ON_A_CLUSTER:
            item.add_marker(pytest.mark.xdist_group(suite))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Side by side, what computes leaves the processors to what waits for a cluster."""
    if hasattr(item.config, "workerinput") and os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, 10 if _suite(item) in COMPUTING else 0)


def started(name: str, *, kubelet: bool, fake_nodes: int) -> Iterator[Cluster]:
    """A cluster for a session, with our custom resources."""
    cluster = up(name, kubelet=kubelet, fake_nodes=fake_nodes)
    kubectl = Kubectl(cluster.kubeconfig)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "crds/")
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "crds/")
    yield cluster
    if os.environ.get("ITW_KEEP_CLUSTERS") != "1":
        down(name)


def fresh_namespace(kubectl: Kubectl, **labels: str) -> Kubectl:
    """kubectl in a namespace of its own, deleted with the cluster."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl.api.create(NAMESPACES, "", {"metadata": {"name": name, "labels": labels}})
    return kubectl.within(name)


@pytest.fixture(scope="session")
def api_cluster() -> Iterator[Cluster]:
    """An API server with fake nodes, whose pods end as their annotations say."""
    yield from started(f"{PREFIX}-api", kubelet=False, fake_nodes=4)


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[Cluster]:
    """A control plane with a real kubelet, whose pods really run.

    The fake node takes none of them: Kubernetes evicts nothing where no machine is heard of.
    """
    yield from started(f"{PREFIX}-node", kubelet=True, fake_nodes=1)
