"""Helm and helm-docs, built from their Go modules once and kept."""

from __future__ import annotations

from pathlib import Path

from dev.cluster.building import KUBERNETES
from dev.cluster.shell import which
from dev.gotools import Tool

_MODULES = Path(__file__).parent / "modules"
_MAJOR, _MINOR = KUBERNETES.lstrip("v").split(".")[:2]

HELM3 = Tool(
    "helm3",
    "helm.sh/helm/v3/cmd/helm",
    _MODULES / "helm3",
    # As its releases have it; otherwise `helm template` renders for Kubernetes 1.20.
    (
        f"helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor={_MAJOR}",
        f"helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor={_MINOR}",
    ),
)
HELM4 = Tool("helm4", "helm.sh/helm/v4/cmd/helm", _MODULES / "helm4")
HELM_DOCS = Tool("helmdocs", "github.com/norwoodj/helm-docs/cmd/helm-docs", _MODULES / "helmdocs")
TOOLS = {tool.name: tool for tool in (HELM3, HELM4, HELM_DOCS)}


def helm() -> Path:
    """The machine's own Helm, otherwise ours."""
    found = which("helm")
    return Path(found) if found else HELM3.path()
