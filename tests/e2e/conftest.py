"""Fixtures of the suite whose pods really run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from dev.images import archive
from tests.account import operator_account
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, Operator, running_operator

LAST = "test_least_rights.py"
"""Reads what all other tests have made the operator ask of the API server."""
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of LAST after all others."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session")
def image() -> Path:
    """The archive of our image, built if anything of it changed."""
    subprocess.run([sys.executable, "-m", "dev.images", "build"], cwd=ROOT, check=True)
    return archive()


@pytest.fixture(scope="session")
def kubeconfig(image: Path, node_cluster: Cluster) -> Path:
    """The administrator's kubeconfig of the cluster with a real kubelet, our image imported."""
    node_cluster.import_image(image)
    return node_cluster.kubeconfig


@pytest.fixture
def kubectl(kubeconfig: Path) -> Kubectl:
    """kubectl in a namespace of the test's own that enforces the restricted Pod Security level."""
    return fresh_namespace(Kubectl(kubeconfig), **RESTRICTED)


@pytest.fixture(scope="session")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator, for the whole session, as its service account, with the shipped actions."""
    kubectl = Kubectl(kubeconfig)
    kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/catalog/actions"))
    folder = tmp_path_factory.mktemp("operator")
    account = operator_account(kubeconfig, folder)
    with running_operator(account, folder / "operator.log") as process:
        yield process
