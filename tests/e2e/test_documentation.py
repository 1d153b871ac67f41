"""The tutorial and the how-to guides do what they say, typed as they stand.

The product is installed as the first guide says, on a cluster of its own, by an operator in a pod.
The pages are then played side by side, each with a kubeconfig of its own, and at last the product
is removed as the last guide says.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from dev.charts.copying import CHART
from dev.charts.tools import HELM4
from dev.cluster.api import down, up
from dev.cluster.tools import kubectl as kubectl_path
from dev.gitops import argo_cd
from dev.rights import keep_used
from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from tests.charts.helm import Helm
from tests.conftest import PREFIX, fresh_namespace
from tests.documentation import DOCS, PAGES, play
from tests.kube import ROOT, Kubectl, ended, eventually, execution, workflow

INSTALL, REMOVE = DOCS / "how-to/install.md", DOCS / "how-to/remove.md"
RESTARTS = DOCS / "how-to/read-the-operators-log.md"
"""Restarts the operator: played once the others have ended."""
APART = (INSTALL, RESTARTS, REMOVE)
BETWEEN = [page for page in PAGES if page.stem != "index" and page not in APART]
PEOPLE = {"approvals-with-two-people", "observe", "rights-for-a-team"}
"""Guides in which people decide or signal, which counts once the policies have settled."""
SIDE_BY_SIDE = 4
GITOPS = DOCS / "how-to/gitops.md"
"""For a cluster with Argo CD: it gets what of it the guide writes to."""


def install_argo_cd(kubectl: Kubectl) -> None:
    """Argo CD's namespace, custom resources and ConfigMap, without its controllers."""
    kubectl("create", "namespace", "argocd")
    kubectl("create", "configmap", "argocd-cm")
    kubectl("apply", "--server-side", "-k", str(argo_cd() / "manifests/crds"))
    names = ("applications.argoproj.io", "appprojects.argoproj.io")
    # Not `kubectl wait`: it fails while a definition has no condition at all.
    eventually(lambda: all(_is_established(kubectl.get("crd", name)) for name in names), 30.0)


def _is_established(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


class Reader:
    """Types pages on one cluster; each in a folder like the checkout, with a kubeconfig of its own.

    The decisions of people count from `POLICY_SETTLE_SECONDS` after the installation.
    """

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self._folder = folder
        self.installed = 0.0

    def types(self, page: Path) -> None:
        """Do what the page says."""
        if page.stem in PEOPLE:
            time.sleep(max(0.0, self.installed + POLICY_SETTLE_SECONDS + 2 - time.monotonic()))
        if page == GITOPS:
            install_argo_cd(Kubectl(self.kubeconfig, "argocd"))
        folder = self._folder / page.stem
        folder.mkdir()
        for name in ("crds", "manifests", "dev"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copy(self.kubeconfig, folder / "kubeconfig")
        path = os.pathsep.join(map(str, (Path(kubectl_path()).parent, Path(sys.executable).parent)))
        own = {
            "KUBECONFIG": str(folder / "kubeconfig"),
            "PATH": os.pathsep.join((path, os.environ["PATH"])),
            "PYTHONPATH": str(ROOT / "operator"),
            "COLUMNS": "120",
        }
        play(page, folder, {**os.environ, **own})


@pytest.fixture(scope="module")
def reader(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader who has installed the product."""
    name = f"{PREFIX}-docs"
    cluster = up(name, kubelet=True)
    cluster.import_image(image)
    reader = Reader(cluster.kubeconfig, tmp_path_factory.mktemp("reader"))
    try:
        reader.types(INSTALL)
        reader.installed = time.monotonic()
        yield reader
    finally:
        keep_used(cluster.audit_log, name)
        down(name)


@pytest.fixture(scope="module")
def played(reader: Reader) -> Iterator[dict[Path, Future[None]]]:
    """Every page between installation and removal, as it is played beside the others."""
    first_the_others = sorted(BETWEEN, key=lambda page: page.stem in PEOPLE)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {page: pool.submit(reader.types, page) for page in first_the_others}


@pytest.mark.parametrize("page", BETWEEN, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(played: dict[Path, Future[None]], page: Path) -> None:
    played[page].result()


def test_a_page_that_restarts_the_operator_does_what_it_says(
    reader: Reader, played: dict[Path, Future[None]]
) -> None:
    wait(played.values())
    reader.types(RESTARTS)


def test_the_product_is_removed_as_the_guide_says(
    reader: Reader, played: dict[Path, Future[None]]
) -> None:
    wait(played.values())
    reader.types(REMOVE)


def test_the_chart_is_installed_tested_upgraded_and_removed(
    reader: Reader, played: dict[Path, Future[None]], tmp_path: Path
) -> None:
    """By Helm 4 and without `--wait`, once what kubectl installed is removed."""
    wait(played.values())
    live_with_the_chart(Kubectl(reader.kubeconfig), Helm(HELM4.path(), reader.kubeconfig, tmp_path))


def live_with_the_chart(kubectl: Kubectl, helm: Helm) -> None:
    """Install the chart, run executions through an upgrade, and remove it."""
    name, namespace = "itechsmart-workflow", "--namespace=itechsmart-workflow"
    helm("install", name, str(CHART), namespace, "--create-namespace")
    assert "http-request" in kubectl.names("clustertemplates")
    helm("test", name, namespace)
    pause = {"name": "pause", "delay": "10s"}
    last = {"name": "last", "transform": {"answer": "42"}}
    edges = [{"from": "pause", "to": "last"}]
    upgraded = fresh_namespace(kubectl)
    upgraded.apply(workflow("slow", nodes=[pause, last], edges=edges, history={"succeeded": 100}))
    upgraded.apply(*(execution("slow", f"slow-{number}") for number in range(30)))
    another = "operator.podAnnotations.round=2"
    helm("upgrade", name, str(CHART), namespace, f"--set-string={another}", "--wait")
    for number in range(30):
        assert ended(upgraded, f"slow-{number}")["status"]["phase"] == "Succeeded"
    helm("uninstall", name, namespace, "--wait")
    assert len([crd for crd in kubectl.names("crd") if "itechsmart" in crd]) == 6
    assert len(upgraded.get("awfx")["items"]) == 30
    left = [role for role in kubectl.names("clusterroles") if "itechsmart" in role]
    assert left + kubectl.names("validatingadmissionpolicies") == []
