"""Fixtures of all suites: clusters, each started once and removed at the end of the session.

`ITW_KEEP_CLUSTERS=1` leaves them running, so that the next session starts at once. Sessions side by
side need names of their own: `ITW_CLUSTERS=mine`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from dev.cluster.api import Cluster, down, up
from dev.rights import keep_used
from tests import action_coverage, leaks, route_coverage
from tests.kube import NAMESPACES, Kubectl

pytest.register_assert_rewrite("tests.conformance")

# A test fails for what it finds, however slow the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

PREFIX = os.environ.get("ITW_CLUSTERS", "test")


def started(name: str, *, kubelet: bool, fake_nodes: int) -> Iterator[Cluster]:
    """A cluster for a session, with our custom resources."""
    cluster = up(name, kubelet=kubelet, fake_nodes=fake_nodes)
    kubectl = Kubectl(cluster.kubeconfig)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "crds/")
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "crds/")
    yield cluster
    keep_used(cluster.audit_log, name)
    found = leaks.of_cluster(cluster)
    if os.environ.get("ITW_KEEP_CLUSTERS") != "1":
        down(name)
    leaks.check(found)


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


def pytest_configure() -> None:
    """Notice which actions each test performs."""
    action_coverage.instrument_actions()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report with the end of a test which actions it performed, and which routes answered it."""
    if call.when == "teardown":
        action_coverage.report(item)
        route_coverage.report(item)
    report = yield
    if any(leaks.in_text(text) for _name, text in report.sections):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} wrote a planted secret to its output"
    return report


@pytest.fixture(scope="session", autouse=True)
def no_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end of the session no report of an action or of a program has a planted secret."""
    yield
    leaks.check(leaks.of_reports(tmp_path_factory.getbasetemp()))
