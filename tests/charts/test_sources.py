"""The chart and the manifests bring the same objects, and generated files are up to date."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.charts.copying import CHART
from dev.charts.generating import SNAPSHOT, readme, snapshot
from dev.charts.tools import HELM3
from dev.cluster.tools import kubectl
from tests.charts.rendering import NAME, Key, Object, Release, by_key, key, of_kind, the
from tests.kube import ROOT

HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")
"""Labels by which Helm knows its objects."""
KNOWN = "--api-versions=automation.itechsmart.dev/v1alpha1/ClusterTemplate"
ALONE = {"catalogue": {"enabled": False}, "crds": {"enabled": False}}


def kustomized(folder: str) -> list[Object]:
    """What `kubectl apply -k` applies."""
    command = [kubectl(), "kustomize", str(ROOT / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(text))


def plain(objects: Iterable[Object]) -> dict[Key, Object]:
    """Objects without what only Helm writes, and lists in an order."""
    found = by_key(copy.deepcopy(list(objects)))
    for raw in found.values():
        labels = raw["metadata"].get("labels") or {}
        raw["metadata"]["labels"] = {
            name: value for name, value in labels.items() if name not in HELMS_OWN
        }
    return found


def test_the_chart_installs_what_kustomize_installs(release: Release) -> None:
    """But for the namespace, which `helm install --create-namespace` creates."""
    wanted = plain(kustomized("manifests/install"))
    del wanted["Namespace", "", NAME]
    assert plain(release.objects(ALONE)) == wanted


def test_the_chart_installs_the_webhook_that_kustomize_installs(release: Release) -> None:
    """But for cert-manager's objects, which manifests/webhook/cert-manager.yaml has."""
    certificate = {"source": "cert-manager"}
    values = {**ALONE, "webhook": {"enabled": True, "certificate": certificate}}
    documents = yaml.safe_load_all((ROOT / "manifests/webhook/cert-manager.yaml").read_text())
    wanted = plain([*kustomized("manifests/install-with-webhook"), *documents])
    del wanted["Namespace", "", NAME]
    found = plain(release.objects(values))
    for at in (at for at in wanted if at[0] in ("Issuer", "Certificate")):
        wanted[at]["metadata"]["labels"] = found[at]["metadata"]["labels"]
    assert found == wanted


def test_the_chart_installs_the_receiver_that_kustomize_installs(release: Release) -> None:
    found = plain(release.objects({**ALONE, "receiver": {"enabled": True}}))
    for at in plain(release.objects(ALONE)):
        del found[at]
    assert found == plain(kustomized("manifests/receiver"))


POSTGRESQL = {"enabled": True, "database": "postgresql"}
POSTGRESQL |= {"postgresql": {"secretName": f"{NAME}-history"}}

OIDC = {
    "issuer": "https://login.example.com",
    "clientId": NAME,
    "externalUrl": "https://automation.example.com",
    "secretName": f"{NAME}-login",
    "usernameClaim": "email",
    "groupsClaim": "groups",
}
"""What manifests/api-oidc/login.yaml says."""


@pytest.mark.parametrize(
    ("folder", "values"),
    [
        ("api", {"api": {"enabled": True}}),
        ("api-oidc", {"api": {"enabled": True, "oidc": OIDC}}),
        ("recorder", {"history": POSTGRESQL}),
        (
            "api-with-history",
            {"api": {"enabled": True}, "history": {"enabled": True, "sqlite": {"keep": False}}},
        ),
    ],
)
def test_the_chart_installs_api_and_recorder_as_kustomize_does(
    release: Release, folder: str, values: dict[str, Any]
) -> None:
    """But that kustomize's API looks for the Secret of a history, which may not be there, and that
    its login leaves the account without rights, which no pod uses."""
    found = plain(release.objects({**ALONE, **values}))
    for at in plain(release.objects(ALONE)):
        del found[at]
    wanted = plain(kustomized(f"manifests/{folder}"))
    if folder == "api-oidc":
        del wanted["ServiceAccount", NAME, f"{NAME}-api"]
    if folder in ("api", "api-oidc"):
        (container,) = wanted["Deployment", NAME, f"{NAME}-api"]["spec"]["template"]["spec"][
            "containers"
        ]
        (reference,) = container.pop("env")
        assert reference["valueFrom"]["secretKeyRef"]["optional"] is True
    assert found == wanted


@pytest.mark.parametrize(
    ("folders", "values"),
    [
        (["crds"], {"catalogue": {"enabled": False}, "crds": {"keep": False}}),
        (["manifests/catalog/actions", "manifests/catalog/workflows"], {}),
    ],
    ids=["definitions", "catalogue"],
)
def test_copies_reach_the_cluster_unchanged(
    release: Release, folders: list[str], values: dict[str, Any]
) -> None:
    wanted = {
        key(raw): raw
        for folder in folders
        for path in sorted((ROOT / folder).glob("*.yaml"))
        for raw in yaml.safe_load_all(path.read_text())
    }
    found = by_key(release.objects(values, KNOWN))
    for at, raw in wanted.items():
        own = found[at]
        kept = raw["metadata"].get("labels") or {}
        assert kept.items() <= own["metadata"]["labels"].items()
        own["metadata"] = {**own["metadata"], "labels": kept} if kept else _unlabelled(own)
        assert own == raw
    kinds = {raw["kind"] for raw in wanted.values()}
    assert {at for at in found if at[0] in kinds} == wanted.keys()


def test_the_chart_monitors_as_kustomize_does(release: Release) -> None:
    metrics = {
        kind: {"enabled": True} for kind in ("serviceMonitor", "prometheusRule", "dashboard")
    }
    optional = {name: {"enabled": True} for name in ("receiver", "history", "api")}
    objects = release.objects({**ALONE, "metrics": metrics, **optional})
    folder = ROOT / "manifests/monitoring"
    rule = yaml.safe_load((folder / "prometheusrule.yaml").read_text())
    assert the(objects, "PrometheusRule")["spec"] == rule["spec"]
    monitors = [
        raw["spec"] for raw in yaml.safe_load_all((folder / "servicemonitor.yaml").read_text())
    ]
    rendered = [raw["spec"] for raw in of_kind(objects, "ServiceMonitor")]
    for own, other in zip(rendered, monitors, strict=True):
        assert own["endpoints"] == other["endpoints"]
        selected = own["selector"]["matchLabels"]
        assert other["selector"]["matchLabels"].items() <= selected.items()
    (config,) = (raw for raw in kustomized("manifests/monitoring") if raw["kind"] == "ConfigMap")
    board = the(objects, "ConfigMap")
    assert list(board["data"].values()) == list(config["data"].values())
    assert config["metadata"]["labels"].items() <= board["metadata"]["labels"].items()


def _unlabelled(raw: Object) -> dict[str, Any]:
    return {name: value for name, value in raw["metadata"].items() if name != "labels"}


def test_the_default_rendering_is_the_one_that_was_reviewed() -> None:
    assert snapshot() == SNAPSHOT.read_text(), "if that is intended, run `make chart`"


def test_the_readme_describes_the_values_as_they_are(tmp_path: Path) -> None:
    written = (CHART / "README.md").read_text()
    assert readme(tmp_path) == written, "run `make chart`"


def test_the_chart_passes_helms_linter(helm: Path) -> None:
    command = [str(helm), "lint", "--strict", str(CHART)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_packaged_chart_renders_as_the_folder_does(
    release: Release, helm: Path, tmp_path: Path
) -> None:
    command = [str(helm), "package", str(CHART), "--destination", str(tmp_path)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    (archive,) = tmp_path.glob("*.tgz")
    assert archive.stat().st_size < 256 * 1024, "Helm stores it in a Secret of at most 1 MiB"
    packaged = Release(helm, chart=archive)
    assert packaged.text() == release.text()


def test_yamllint_finds_nothing(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    values = {"crds": {"enabled": False}, "webhook": {"enabled": True}}
    rendered.write_text(Release(HELM3.path()).text(values, KNOWN))
    files = [CHART / "Chart.yaml", CHART / "values.yaml", rendered]
    files += sorted((ROOT / "manifests").rglob("*.yaml"))
    indentation = "indentation: {indent-sequences: whatever}"
    rules = f"{{extends: relaxed, rules: {{line-length: disable, {indentation}}}}}"
    command = [sys.executable, "-m", "yamllint", "--strict", "-d", rules, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
