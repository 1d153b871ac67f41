"""The actions on Helm releases: their scripts with a real Helm on a real API server, with the
rights that their Templates declare and those on the objects of the chart."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.charts.tools import HELM3
from orchestrator.actions.manifest import handwritten
from tests.action_coverage import record_action
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.examples import example
from tests.kube import Kubectl
from tests.runner import Ended, make_runner

PROVES = {"Helm and the Kubernetes API server": ["helm-upgrade", "helm-rollback", "helm-test"]}

PERMANENT, RETRY, USAGE = 65, 1, 64
LONG_AGO = "2020-01-01T00:00:00Z"
CHART = {"apiVersion": "v2", "name": "shop", "version": "0.1.0", "appVersion": "1.4.0"}
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config}
data: {greeting: {{ required "greeting is missing" .Values.greeting | quote }}}
{{- if .Values.claim }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Release.Name }}-claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
{{- end }}
"""
TEST = """
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {"helm.sh/hook": test, "helm.sh/hook-delete-policy": before-hook-creation}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: x, env: [{name: FAKE_EXIT_CODE, value: "{{ .Values.exit | default 0 }}"}]}
"""


@dataclass(frozen=True)
class HelmScripts:
    """Runs the scripts as their containers do."""

    kubectl: Kubectl
    kubeconfig: Path
    folder: Path

    def __call__(
        self,
        action: str,
        /,
        key: str = "u1/n/0",
        attempt: int = 1,
        started: str = LONG_AGO,
        **parameters: Any,
    ) -> Ended:
        spec = yaml.safe_load(handwritten()[action])["spec"]
        defaults = {each["name"]: each.get("default") for each in spec["parameters"]}
        given = {
            name: value for name, value in {**defaults, **parameters}.items() if value is not None
        }
        outputs = self.folder / "outputs"
        environ = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig),
            "OUTPUTS": str(outputs),
            "WORKSPACE": str(self.folder / "workspace"),
            "KEY": key,
            "EXECUTION": key.partition("/")[0],
            "STARTED": started,
            "ATTEMPT": str(attempt),
            "NAMESPACE": self.kubectl.namespace,
        }
        for name, value in given.items():
            text = value if isinstance(value, str) else json.dumps(value)
            environ[f"PARAM_{name.upper()}"] = text
        source = spec["action"]["script"]["source"]
        outputs.unlink(missing_ok=True)
        code = subprocess.run(["sh", "-c", source], env=environ, check=False).returncode
        text = outputs.read_text() if outputs.exists() else ""
        if code == 0:
            record_action(action)
        return Ended(code, json.loads(text) if code == 0 else {}, "" if code == 0 else text)

    def greeting(self, release: str) -> str:
        """The value that reached the object of the chart."""
        data: dict[str, str] = self.kubectl.get("configmap", f"{release}-config")["data"]
        return data["greeting"]


@pytest.fixture(scope="module")
def helm(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> HelmScripts:
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    folder = tmp_path_factory.mktemp("helm")
    (folder / "helm").symlink_to(HELM3.path())
    templates = folder / "workspace/shop/templates"
    templates.mkdir(parents=True)
    (templates.parent / "Chart.yaml").write_text(yaml.safe_dump(CHART))
    (templates / "config.yaml").write_text(CONFIG)
    (templates / "test.yaml").write_text(TEST)
    runner = make_runner(kubectl, folder)
    actions = ("helm-upgrade", "helm-rollback", "helm-test")
    granted = CommandLine(kubeconfig, kubectl.namespace)("grant", *actions, "--offline")
    kubectl("apply", "-f", "-", stdin=granted.stdout)
    kubectl("create", "role", "chart", "--verb=*", "--resource=configmaps,persistentvolumeclaims")
    account = f"--serviceaccount={kubectl.namespace}:automation-runner"
    kubectl("create", "rolebinding", "chart", "--role=chart", account)
    return HelmScripts(kubectl, runner.kubeconfig, folder)


def test_a_release_is_installed_upgraded_and_rolled_back(helm: HelmScripts) -> None:
    tricky = 'it\'s "1" $(x) {{ .Chart }}\nline'
    given: dict[str, Any] = {"release": "shop", "chart": "shop"}
    first = helm("helm-upgrade", values={"greeting": tricky}, **given)
    assert first.code == 0, first.message
    assert first.outputs == {
        "revision": 1, "status": "deployed", "chart": "shop-0.1.0", "appVersion": "1.4.0",
        "repeated": False,
    }  # fmt: skip
    assert helm.greeting("shop") == tricky
    again = helm("helm-upgrade", attempt=2, values={"greeting": tricky}, **given)
    assert again.outputs == {**first.outputs, "repeated": True}

    second = helm("helm-upgrade", key="u2/n/0", values={"greeting": "two"}, **given)
    assert (second.outputs["revision"], helm.greeting("shop")) == (2, "two")

    back = helm("helm-rollback", release="shop")
    assert (back.outputs["revision"], back.outputs["repeated"]) == (3, False)
    assert helm.greeting("shop") == tricky
    retried = helm("helm-rollback", attempt=2, release="shop")
    assert (retried.outputs["revision"], retried.outputs["repeated"]) == (3, True)
    named = helm("helm-rollback", release="shop", revision=2)
    assert (named.outputs["revision"], helm.greeting("shop")) == (4, "two")


def test_the_examples_run(helm: HelmScripts) -> None:
    for number in range(4):
        values = {"greeting": f"version {number}"}
        (upgrade,) = example("helm-upgrade", chart="shop", values=values)
        given = {**upgrade, "release": "example", "version": None}
        assert helm("helm-upgrade", key=f"{number}/n/0", **given).code == 0
    (test,) = example("helm-test", release="example")
    assert helm("helm-test", **test).outputs == {"tests": 1}
    (rollback,) = example("helm-rollback", release="example")
    assert helm("helm-rollback", **rollback).code == 0
    assert helm.greeting("example") == "version 2"


def test_a_retry_of_a_rollback_that_failed_never_returns_to_the_broken_revision(
    helm: HelmScripts,
) -> None:
    given: dict[str, Any] = {"release": "retried", "chart": "shop", "wait": False, "atomic": False}
    for revision in ("good", "bad"):
        values = {"greeting": revision, "claim": True}  # which nothing binds, so it is never ready
        assert helm("helm-upgrade", key=f"{revision}/n/0", values=values, **given).code == 0
    first = helm("helm-rollback", release="retried", timeout="2s")
    assert first.code == RETRY, first.message
    again = helm("helm-rollback", attempt=2, release="retried", timeout="2s")
    assert (again.code, helm.greeting("retried")) == (RETRY, "good")
    last = helm("helm-rollback", attempt=3, release="retried", wait=False)
    assert (last.code, helm.greeting("retried")) == (0, "good"), last.message
    assert (last.outputs["revision"], last.outputs["repeated"]) == (5, False)


def test_a_retry_does_not_take_an_older_rollback_for_its_own(helm: HelmScripts) -> None:
    for greeting in ("one", "two"):
        values = {"greeting": greeting}
        key = f"{greeting}/n/0"
        assert helm("helm-upgrade", key=key, release="old", chart="shop", values=values).code == 0
    assert helm("helm-rollback", release="old").code == 0
    given: dict[str, Any] = {"attempt": 2, "release": "old", "started": "2100-01-01T00:00:00Z"}
    ended = helm("helm-rollback", **given)
    assert (ended.outputs["revision"], ended.outputs["repeated"]) == (4, False), ended.message
    assert helm.greeting("old") == "two"


def test_a_chart_stays_in_the_workspace(helm: HelmScripts) -> None:
    ended = helm("helm-upgrade", release="x", chart="../x")
    assert (ended.code, ended.message) == (PERMANENT, "chart must not contain ..\n")
    (helm.folder / "workspace/out").symlink_to("/usr")
    ended = helm("helm-upgrade", release="x", chart="out")
    assert (ended.code, ended.message) == (PERMANENT, "chart leads out of the workspace\n")


def test_what_helm_refuses_is_permanent(helm: HelmScripts) -> None:
    values = helm("helm-upgrade", release="wrong", chart="shop", values={})
    assert (values.code, "greeting is missing" in values.message) == (PERMANENT, True)
    chart = helm("helm-upgrade", release="wrong", chart="none")
    assert (chart.code, "no chart none in the workspace" in chart.message) == (PERMANENT, True)
    missing = helm("helm-rollback", release="none")
    assert (missing.code, "not found" in missing.message) == (PERMANENT, True)
    given: dict[str, Any] = {"release": "x", "chart": "shop", "values": {"greeting": "x"}}
    forbidden = helm("helm-upgrade", namespace="kube-system", **given)
    assert (forbidden.code, "forbidden" in forbidden.message) == (PERMANENT, True)


def test_a_repository_that_is_down_is_worth_a_retry(helm: HelmScripts) -> None:
    given: dict[str, Any] = {"release": "x", "chart": "shop", "repository": "http://127.0.0.1:1"}
    secret: dict[str, Any] = {"username": "ana", "password": "s3cret!"}
    ended = helm("helm-upgrade", **given, **secret)
    assert (ended.code, "refused" in ended.message) == (RETRY, True), ended.message
    assert "s3cret!" not in ended.message


def test_the_tests_of_a_release_run(helm: HelmScripts) -> None:
    values = {"greeting": "x"}
    assert helm("helm-upgrade", release="tested", chart="shop", values=values).code == 0
    ended = helm("helm-test", release="tested", timeout="60s")
    assert (ended.code, ended.outputs) == (0, {"tests": 1}), ended.message
    failing = {"greeting": "x", "exit": 1}
    assert helm("helm-upgrade", key="u2", release="tested", chart="shop", values=failing).code == 0
    failed = helm("helm-test", release="tested", timeout="60s")
    assert (failed.code, "helm failed" in failed.message) == (PERMANENT, True)
    missing = helm("helm-test", release="none")
    assert (missing.code, "not found" in missing.message) == (PERMANENT, True)
