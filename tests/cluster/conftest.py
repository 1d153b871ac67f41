"""Fixtures of the suite that needs a real API server, but no real pods."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from tests.conftest import fresh_namespace
from tests.kube import Kubectl


@pytest.fixture(scope="session")
def kubeconfig(api_cluster: Cluster) -> Path:
    """The administrator's kubeconfig of the cluster."""
    return api_cluster.kubeconfig


@pytest.fixture
def kubectl(kubeconfig: Path) -> Kubectl:
    """kubectl in a namespace of the test's own."""
    return fresh_namespace(Kubectl(kubeconfig))
