"""A bad network between the operator and the API server: nothing twice, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from dev.cluster.api import Cluster
from tests.chaos_proxy import ChaosProxy
from tests.cluster.faults import OperatorWrites, keep_figures
from tests.cluster.twelve_node_workflow import check_all, start_executions
from tests.kube import Kubectl, running_operator

EXECUTIONS = 40
WRITES = 15 * EXECUTIONS
"""So many does the operator make for them at least: ten Jobs each, and statuses in company."""


@contextmanager
def behind(proxy: ChaosProxy, account: Path, folder: Path, namespace: str) -> Iterator[ChaosProxy]:
    """An operator that reaches the API server through the proxy only."""
    with proxy.running():
        kubeconfig = proxy.kubeconfig(account, folder / "kubeconfig")
        with running_operator(kubeconfig, folder / "log", "--namespace", namespace):
            yield proxy


def test_connections_that_are_cut_slow_and_silent_make_nothing_twice_and_lose_nothing(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    writes = OperatorWrites(api_cluster, kubectl.namespace)
    proxy = ChaosProxy(api_cluster.server, slow=0.3)
    with behind(proxy, account, tmp_path, kubectl.namespace):
        with proxy.storm(pause=0.3, longest=5.0):
            start_executions(kubectl, EXECUTIONS)
            writes.wait_for(WRITES * 4 // 5)
        made = check_all(kubectl, api_cluster, EXECUTIONS)
    assert proxy.cuts
    assert proxy.silences
    keep_figures(
        "network", executions=EXECUTIONS, cuts=proxy.cuts, silences=proxy.silences, **asdict(made)
    )


def test_connections_that_fall_silent_for_good_are_given_up_and_nothing_is_lost(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    writes = OperatorWrites(api_cluster, kubectl.namespace)
    with behind(ChaosProxy(api_cluster.server), account, tmp_path, kubectl.namespace) as proxy:
        start_executions(kubectl, EXECUTIONS)
        writes.wait_for(WRITES // 3)
        proxy.silence()
        made = check_all(kubectl, api_cluster, EXECUTIONS)
    keep_figures("silence", executions=EXECUTIONS, silences=proxy.silences, **asdict(made))
