"""The operator of a release of the chart, as a process: no pod runs in these tests."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kube import ROOT, Kubectl, Operator

NAME = "itechsmart-workflow"


def fullname(release: str) -> str:
    """How the names of a release's objects begin."""
    return release if NAME in release else f"{release}-{NAME}"


def operator_of(
    kubectl: Kubectl, release: str, folder: Path, *, source: Path = ROOT / "operator", log: str = ""
) -> Operator:
    """The operator of a release in kubectl's namespace, not started yet.

    It has the Deployment's arguments and the token of its ServiceAccount. `source` is the folder of
    its code, if that is of another version.
    """
    deployment = kubectl.get("deployment", f"{fullname(release)}-operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    options = [
        argument
        for argument in container["args"][1:]
        if not argument.startswith(("--health", "--webhook"))
    ]
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    token = kubectl("create", "token", account, "--duration=1h").strip()
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / f"{log or release}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Operator(path, folder / f"{log or release}.log", *options, source=source)
