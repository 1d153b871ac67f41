"""Restarts of the API server and of etcd while executions are under way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from tests.cluster.faults import OperatorWrites, keep_figures, wait_until_jobs_run
from tests.cluster.twelve_node_workflow import check_all, start_executions
from tests.conftest import PREFIX, fresh_namespace, started
from tests.kube import Kubectl, Operator, eventually, running_operator
from tests.service_accounts import operator_account

EXECUTIONS = 40
WRITES = 15 * EXECUTIONS
"""So many does the operator make for them at least: ten Jobs each, and statuses in company."""
HOW = (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of these tests' own, since they disturb whoever uses it."""
    yield from started(f"{PREFIX}-restarts", kubelet=False, fake_nodes=4)


@pytest.fixture
def operator(cluster: Cluster, tmp_path: Path) -> Iterator[Operator]:
    """The operator without restarts."""
    account = operator_account(cluster.kubeconfig, tmp_path)
    with running_operator(account, tmp_path / "log") as process:
        yield process


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_restarts_under_load_make_nothing_twice_and_lose_nothing(
    cluster: Cluster, operator: Operator, component: str
) -> None:
    kubectl = fresh_namespace(Kubectl(cluster.kubeconfig))
    writes = OperatorWrites(cluster, kubectl.namespace)
    start_executions(kubectl, EXECUTIONS)
    for part, how in enumerate(HOW, 1):
        writes.wait_for(part * WRITES // 6)
        assert any("finishedAt" not in raw["status"] for raw in kubectl.get("awfx")["items"])
        cluster.stop_component(component, how)
        cluster.start_component(component)
        eventually(lambda: kubectl.attempt("get", "--raw", "/readyz").stdout == "ok")
    wait_until_jobs_run(kubectl)
    whole_log = component != "kube-apiserver"
    made = check_all(kubectl, cluster, EXECUTIONS, whole_log=whole_log, one_pod=False)
    keep_figures(f"{component}-restarts", executions=EXECUTIONS, restarts=len(HOW), **asdict(made))
    assert operator.pid
