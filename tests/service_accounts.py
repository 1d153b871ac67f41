"""Kubeconfigs of the service accounts of an installation, with exactly their roles."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kube import ROOT, Kubectl

NAMESPACE = "itechsmart-workflow"
ACCOUNT = "itechsmart-workflow-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
RECEIVER = "itechsmart-workflow-receiver"
LOGIN = "itechsmart-workflow-api-login"
RECORDER = "itechsmart-workflow-recorder"
INSTALL = ROOT / "manifests" / "install"


def operator_account(kubeconfig: Path, folder: Path) -> Path:
    """Install the roles; returns a kubeconfig of the operator's account in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    for name in ("namespace", "operator-rbac", "user-roles"):
        kubectl("apply", "--server-side", "-f", str(INSTALL / f"{name}.yaml"))
    return kubeconfig_of(kubeconfig, ACCOUNT, folder)


def receiver_account(kubeconfig: Path, folder: Path) -> Path:
    """Install the roles; returns a kubeconfig of the receiver's account in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    kubectl("apply", "--server-side", "-f", str(INSTALL / "namespace.yaml"))
    kubectl("apply", "--server-side", "-f", str(INSTALL / "user-roles.yaml"))
    rbac = ROOT / "manifests" / "receiver" / "rbac.yaml"
    kubectl("apply", "--server-side", "-f", str(rbac))
    return kubeconfig_of(kubeconfig, RECEIVER, folder)


def recorder_account(kubeconfig: Path, folder: Path) -> Path:
    """Install the roles; returns a kubeconfig of the recorder's account in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    kubectl("apply", "--server-side", "-f", str(INSTALL / "namespace.yaml"))
    rbac = ROOT / "manifests" / "recorder" / "rbac.yaml"
    kubectl("apply", "--server-side", "-f", str(rbac))
    return kubeconfig_of(kubeconfig, RECORDER, folder)


def login_account(kubeconfig: Path, folder: Path) -> Path:
    """Install the roles; returns a kubeconfig of the API's account with logins, in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    for name in ("namespace", "user-roles"):
        kubectl("apply", "--server-side", "-f", str(INSTALL / f"{name}.yaml"))
    rbac = ROOT / "manifests" / "api-oidc" / "rbac.yaml"
    kubectl("apply", "--server-side", "-f", str(rbac))
    return kubeconfig_of(kubeconfig, LOGIN, folder)


def kubeconfig_of(kubeconfig: Path, account: str, folder: Path) -> Path:
    """A kubeconfig of a service account of the installation, in `folder`."""
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    token = kubectl("create", "token", account, "--duration=1h").strip()
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
