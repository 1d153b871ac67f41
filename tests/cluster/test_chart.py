"""The chart on a real API server: two releases side by side, upgrades, and what remains of them.

No pod runs here: each release's operator is a process that has its arguments from the release's
Deployment and the token of its ServiceAccount.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.charts.tools import HELM3, HELM4
from dev.cluster.api import down, up
from dev.cluster.tools import kubectl as kubectl_path
from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.engine.times import from_rfc3339
from tests.charts.helm import Helm
from tests.charts.options import OPTIONS
from tests.charts.rendering import Release, is_hook
from tests.charts.test_rendering import MATRIX
from tests.cluster.releases import operator_of, recorder_of
from tests.commandline import CommandLine
from tests.conftest import PREFIX
from tests.kube import Kubectl, Operator, ended, eventually, execution, workflow

NAME = "itechsmart-workflow"
LEFT, RIGHT = "left", "right"
SHARED: dict[str, Any] = {"crds": {"enabled": False}, "catalogue": {"enabled": False}}
WEBHOOK: dict[str, Any] = {"webhook": {"enabled": True}}
KEPT: dict[str, Any] = {"history": {"enabled": True, "sqlite": {"persistent": False}}}
NAMESPACES = ("left-system", "right-system", "shop", "billing", "unserved")
VOLATILE = {
    "apiservices.apiregistration.k8s.io",
    "endpoints",
    "events",
    "events.events.k8s.io",
}
"""Types of objects that the API server makes and removes by itself."""
FOREIGN = {"Certificate", "Issuer", "ServiceMonitor", "PrometheusRule"}
"""Kinds that other projects define."""


@dataclass(frozen=True)
class Environment:
    """A cluster without the project, and both Helms."""

    kubectl: Kubectl
    helm3: Helm
    helm4: Helm
    folder: Path

    def objects(self) -> set[str]:
        """All objects of the cluster, as TYPE/NAME in their namespace."""
        listed = self.kubectl("api-resources", "--verbs=list", "-o", "name").split()
        kinds = ",".join(sorted(set(listed) - VOLATILE))
        found = json.loads(self.kubectl("get", kinds, "-A", "-o", "json"))["items"]
        return {
            f"{raw['kind']}/{raw['metadata'].get('namespace', '')}/{raw['metadata']['name']}"
            for raw in found
        }

    @contextmanager
    def operating(self, release: str, namespace: str) -> Iterator[Operator]:
        """A release's operator, with the rights of its account and the Deployment's arguments."""
        operator = operator_of(self.kubectl.within(namespace), release, self.folder)
        operator.start()
        try:
            yield operator
        finally:
            operator.stop()


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    name = f"{PREFIX}-charts"
    cluster = up(name, kubelet=False)
    folder = tmp_path_factory.mktemp("charts")
    kubectl = Kubectl(cluster.kubeconfig)
    for namespace in NAMESPACES:
        kubectl("create", "namespace", namespace)
    helm3, helm4 = (Helm(tool.path(), cluster.kubeconfig, folder) for tool in (HELM3, HELM4))
    try:
        yield Environment(kubectl, helm3, helm4, folder)
    finally:
        down(name)


@pytest.fixture(scope="module")
def releases(env: Environment) -> Iterator[Environment]:
    """Two of them, by Helm 3 and by Helm 4, in namespaces that enforce the restricted level."""
    for namespace in NAMESPACES[:2]:
        level = "pod-security.kubernetes.io/enforce=restricted"
        env.kubectl("label", "namespace", namespace, level)
    before = env.objects()
    env.helm3.install(LEFT, "left-system", {**WEBHOOK, "namespaces": ["shop"]})
    second = {**SHARED, **WEBHOOK, "namespaces": ["billing"]}
    env.helm4.install(RIGHT, "right-system", second)
    yield env
    for namespace in NAMESPACES:
        made_here = "awf,awfx,controllerrevisions"
        env.kubectl.within(namespace)("delete", made_here, "--all", "--wait")
    env.helm3.uninstall(RIGHT, "right-system")
    env.helm4.uninstall(LEFT, "left-system")
    left = {at for at in env.objects() - before if not at.startswith("CustomResourceDefinition/")}
    assert left == set(), "of what the releases brought, only the definitions may remain"
    assert len(env.kubectl.names("crd")) == 6


def test_an_uninstallation_removes_the_definitions_where_that_was_asked(env: Environment) -> None:
    """Also the catalogue of a release that was never upgraded, in which it is made of hooks."""
    before = env.objects()
    env.helm4.install("once", "left-system", {"crds": {"keep": True}})
    assert "http-request" in env.kubectl.names("clustertemplates")
    env.helm4.uninstall("once", "left-system")
    assert len(env.kubectl.names("crd")) == 6
    assert env.kubectl.names("clustertemplates") == []
    env.helm3.install("once", "left-system", {"crds": {"keep": False}})
    env.helm3.uninstall("once", "left-system")
    assert env.objects() == before


def test_each_release_serves_its_namespace_with_its_rights_and_policies(
    releases: Environment,
) -> None:
    """An approval counts only where the release's policies guard its namespace."""
    ask = {"name": "ask", "approval": {"approvers": ["group:system:masters"]}}
    places = {LEFT: "shop", RIGHT: "billing"}
    _until_settled(releases.kubectl)
    for namespace in places.values():
        kubectl = releases.kubectl.within(namespace)
        kubectl.apply(workflow("asks", nodes=[ask]), execution("asks", "first"))
    with (
        releases.operating(LEFT, "left-system") as left,
        releases.operating(RIGHT, "right-system") as right,
    ):
        for namespace in places.values():
            kubectl = releases.kubectl.within(namespace)
            eventually(partial(_waiting, kubectl))
            cli = CommandLine(kubectl.kubeconfig, namespace)
            done = cli("approve", "first")
            assert done.returncode == 0, done.stderr
            raw = ended(kubectl, "first")
            assert raw["status"]["phase"] == "Succeeded", raw["status"]
        for template in releases.kubectl.get("clustertemplates")["items"]:
            assert "status" not in template, "operators of some namespaces leave it alone"
        for operator in (left, right):
            log = operator.log.read_text()
            assert "orbidden" not in log
            assert "ERROR" not in log


def _until_settled(kubectl: Kubectl) -> None:
    """What people write counts once every policy has settled."""
    stored = kubectl.get("validatingadmissionpolicybindings")["items"]
    last = max(from_rfc3339(raw["metadata"]["creationTimestamp"]) for raw in stored)
    eventually(lambda: time.time() > last + POLICY_SETTLE_SECONDS + 1)


def _waiting(kubectl: Kubectl) -> bool:
    status = kubectl.get("awfx", "first").get("status", {})
    return bool(status.get("nodes", {}).get("ask", {}).get("phase") == "Waiting")


def test_the_recorder_of_a_release_records_its_namespace_with_its_rights(
    releases: Environment,
) -> None:
    """The policy on statuses lets it add its condition, under the account's own name."""
    values = {**WEBHOOK, **KEPT, "namespaces": ["shop"]}
    releases.helm3.install(LEFT, "left-system", values)
    kubectl = releases.kubectl.within("shop")
    once = {"name": "once", "transform": {"answer": "6 * 7"}}
    with releases.operating(LEFT, "left-system"):
        kubectl.apply(workflow("sum", nodes=[once]), execution("sum", "kept"))
        ended(kubectl, "kept", 240)
    recorder = recorder_of(releases.kubectl.within("left-system"), LEFT, releases.folder)
    recorder.start()
    try:
        eventually(partial(_recorded, kubectl, "kept"), 240)
    finally:
        recorder.stop()
    assert "orbidden" not in recorder.log.read_text()


def _recorded(kubectl: Kubectl, name: str) -> bool:
    return is_recorded(kubectl.get("awfx", name)["status"])


def test_only_a_releases_own_operator_writes_statuses_of_its_namespaces(
    releases: Environment,
) -> None:
    forged = json.dumps({"status": {"phase": "Succeeded"}})
    for namespace in ("shop", "billing", "unserved"):
        kubectl = releases.kubectl.within(namespace)
        kubectl.apply(execution("none", "forged"))
        done = kubectl.attempt(
            "patch", "awfx", "forged", "--subresource=status", "--type=merge", "-p", forged
        )
        if namespace == "unserved":
            assert done.returncode == 0, done.stderr
        else:
            assert "only the operator writes" in done.stderr
    accounts = {LEFT: "billing", RIGHT: "shop"}
    for release, foreign in accounts.items():
        user = f"--as=system:serviceaccount:{release}-system:{release}-{NAME}-operator"
        for verb, kind in (("get", "workflows"), ("create", "jobs"), ("list", "pods")):
            answer = releases.kubectl.attempt("auth", "can-i", verb, kind, user, "-n", foreign)
            assert answer.stdout.strip() == "no", (release, verb, kind)


def test_an_upgrade_keeps_the_webhooks_certificate(releases: Environment) -> None:
    def certificates(release: str) -> tuple[Any, Any]:
        kubectl = releases.kubectl.within(f"{release}-system")
        secret = kubectl.get("secret", f"{release}-{NAME}-webhook")
        raw = kubectl.get("validatingwebhookconfiguration", f"{release}-{NAME}")
        return secret["data"], [each["clientConfig"]["caBundle"] for each in raw["webhooks"]]

    changed = {"webhook": {"enabled": True, "timeoutSeconds": 7}}
    for release, helm, values in (
        (LEFT, releases.helm3, {**changed, "namespaces": ["shop"]}),
        (RIGHT, releases.helm4, {**SHARED, **changed, "namespaces": ["billing"]}),
    ):
        before = certificates(release)
        helm.install(release, f"{release}-system", values)
        assert certificates(release) == before
        raw = releases.kubectl.get("validatingwebhookconfiguration", f"{release}-{NAME}")
        assert {each["timeoutSeconds"] for each in raw["webhooks"]} == {7}


def test_the_catalogue_is_the_releases_after_its_first_upgrade(releases: Environment) -> None:
    shipped = set(releases.kubectl.names("clustertemplates"))
    assert {"http-request", "verify-rollout"} <= shipped
    releases.helm3.install(
        LEFT, "left-system", {"namespaces": ["shop"], "webhook": {"enabled": True}}
    )
    manifest = releases.helm3("get", "manifest", LEFT, "--namespace=left-system")
    kept = [raw for raw in yaml.safe_load_all(manifest) if raw["kind"] == "ClusterTemplate"]
    assert {raw["metadata"]["name"] for raw in kept} == shipped
    assert set(releases.kubectl.names("clustertemplates")) == shipped


@pytest.mark.parametrize(
    ("namespaces", "said"),
    [
        (["unserved", "shop"], "namespaces: shop is served by the release left already"),
        ([], "namespaces: this release would serve the whole cluster"),
    ],
    ids=["a served namespace", "the whole cluster"],
)
def test_a_release_for_what_another_serves_is_refused(
    releases: Environment, namespaces: list[str], said: str
) -> None:
    for helm in (releases.helm3, releases.helm4):
        with pytest.raises(AssertionError, match=said):
            helm.install("third", "unserved", {**SHARED, "namespaces": namespaces})


@pytest.mark.parametrize("case", ["defaults", "all options", *OPTIONS])
def test_the_api_server_takes_what_the_chart_renders(releases: Environment, case: str) -> None:
    """Strictly: an unknown or a wrong field of any object is an error."""
    release = Release(HELM3.path(), "third", "unserved")
    objects = [
        raw
        for raw in release.objects(
            {**(MATRIX | OPTIONS)[case], "crds": {"enabled": case == "defaults"}}
        )
        if raw["kind"] not in FOREIGN and not is_hook(raw)
    ]
    for raw in objects:
        if raw["kind"] == "CustomResourceDefinition":  # those of the cluster are the same
            raw["metadata"]["name"] = raw["metadata"]["name"].replace(".dev", ".test")
            raw["spec"]["group"] = raw["spec"]["group"].replace(".dev", ".test")
        if raw["kind"] == "ClusterTemplate":  # another release has brought it
            raw["metadata"]["name"] += "-third"
    command = [str(kubectl_path()), f"--kubeconfig={releases.kubectl.kubeconfig}", "create"]
    done = subprocess.run(
        [*command, "--dry-run=server", "--validate=strict", "-f", "-"],
        input=yaml.safe_dump_all(objects), capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(objects)
