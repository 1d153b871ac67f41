"""Fixtures of the suite whose pods really run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from dev.images import archive
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.e2e.environment import Environment, ExternalServers
from tests.kube import ROOT, Kubectl, Operator, running_operator
from tests.runner import allow_runner
from tests.service_accounts import INSTALL, operator_account
from tests.servicemanager import ServiceManager
from tests.sshserver import SshServer
from tests.users import user_kubeconfig
from tests.vendors import jenkins, jira, pagerduty, slack
from tests.vendors.jenkins import JenkinsStub
from tests.vendors.jira import Jira
from tests.vendors.pagerduty import PagerDuty
from tests.vendors.slack import SlackStub

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


@pytest.fixture(scope="session")
def site(
    node_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExternalServers]:
    folder, host = tmp_path_factory.mktemp("site"), node_cluster.host
    with ExitStack() as stack:
        units = ServiceManager(folder)
        stack.callback(units.stop)
        units.start()
        ssh = SshServer(folder / "ssh", units.variables, host=host)
        stack.callback(ssh.stop)
        ssh.start()
        stubs = SlackStub(), Jira(), PagerDuty(), JenkinsStub()
        for stub in stubs:
            stub.host = host
            stack.enter_context(stub)
        yield ExternalServers(host, *stubs, ssh, units)


@pytest.fixture(scope="session")
def ana(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kubectl = Kubectl(kubeconfig)
    kubectl("apply", "--server-side", "-f", str(INSTALL / "policies.yaml"))
    kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/catalog/workflows"))
    return user_kubeconfig(kubeconfig, tmp_path_factory.mktemp("people"), "ana", "sre")


@pytest.fixture
def templates(
    kubectl: Kubectl, operator: Operator, site: ExternalServers, ana: Path
) -> Environment:
    assert operator.pid
    allow_runner(kubectl, "manifests")
    kubectl(
        "create", "rolebinding", "oncall", "--clusterrole=itechsmart-workflow-oncall", "--group=sre"
    )
    secrets = {
        "slack": {"token": slack.TOKEN},
        "jira": {"token": jira.TOKEN},
        "pagerduty": {"routingKey": pagerduty.ROUTING_KEY},
        "jenkins": {"token": jenkins.TOKEN},
        "automation-ssh": {"id_ed25519": site.ssh.key},
    }
    for name, data in secrets.items():
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        kubectl.apply({**secret, "stringData": data})
    return Environment(kubectl, site, CommandLine(ana, kubectl.namespace))
