"""The operator's service account as an installation makes it, with its roles and no more."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kube import ROOT, Kubectl

NAMESPACE = "itechsmart-workflow"
ACCOUNT = "itechsmart-workflow-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
INSTALL = ROOT / "manifests" / "install"


def operator_account(kubeconfig: Path, folder: Path) -> Path:
    """Install the roles; a kubeconfig of the operator's account in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    for name in ("namespace", "operator-rbac", "user-roles"):
        kubectl("apply", "--server-side", "-f", str(INSTALL / f"{name}.yaml"))
    token = kubectl("create", "token", ACCOUNT, "--duration=1h").strip()
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
