"""The operator and recorder of a Helm release, as local processes: no pod runs in these tests."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kube import ROOT, Kubectl, Operator
from tests.recorder_process import RecorderProcess

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
    path, options = _prepared(kubectl, f"{fullname(release)}-operator", folder, log or release)
    return Operator(path, folder / f"{log or release}.log", *options, source=source)


def recorder_of(kubectl: Kubectl, release: str, folder: Path) -> RecorderProcess:
    """The recorder of a release, in the same way, with a database in the folder."""
    name = f"{release}-recorder"
    path, options = _prepared(kubectl, f"{fullname(release)}-recorder", folder, name)
    database = f"--database=sqlite:///{folder}/{name}.sqlite"
    return RecorderProcess(path, folder / f"{name}.log", *options, database)


def _prepared(
    kubectl: Kubectl, deployment_name: str, folder: Path, name: str
) -> tuple[Path, list[str]]:
    """A kubeconfig with the token of a Deployment's account, and the Deployment's arguments."""
    deployment = kubectl.get("deployment", deployment_name)
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
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path, options
