"""Fixtures of the suite that needs a real API server, but no real pods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from tests.admission_policies import installed_policies
from tests.conftest import fresh_namespace
from tests.kube import Kubectl
from tests.postgresql import PostgresqlServer
from tests.service_accounts import operator_account, recorder_account


@pytest.fixture(scope="session")
def kubeconfig(api_cluster: Cluster) -> Path:
    """The administrator's kubeconfig of the cluster."""
    return api_cluster.kubeconfig


@pytest.fixture
def kubectl(kubeconfig: Path) -> Kubectl:
    """kubectl in a namespace of the test's own."""
    return fresh_namespace(Kubectl(kubeconfig))


@pytest.fixture(scope="session")
def account(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator's service account, with the roles of the installation."""
    return operator_account(kubeconfig, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def recorder_config(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of the recorder's service account, while the policies are installed."""
    with installed_policies(Kubectl(kubeconfig)):
        yield recorder_account(kubeconfig, tmp_path_factory.mktemp("recorder"))


@pytest.fixture
def audit(api_cluster: Cluster) -> AuditLog:
    """What the API server is asked to write from now on."""
    return AuditLog(api_cluster.audit_log, from_now=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A database server; each test uses a database of its own."""
    server = PostgresqlServer()
    server.start()
    yield server
    server.stop()
