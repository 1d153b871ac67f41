"""Clusters that are not ours: kind where Docker answers, and the reader's own."""

import os
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.layout import STATES
from dev.cluster.shell import run, succeeds, which
from dev.cluster.tools import cache_folder, go, kubectl

_KIND = "sigs.k8s.io/kind@v0.31.0"


def choose() -> str:
    """`embedded`, `kind` or `current`: what CLUSTER says, otherwise kind if Docker answers."""
    asked = os.environ.get("CLUSTER", "")
    if asked in ("embedded", "kind", "current"):
        return asked
    if asked:
        raise ClusterError(f"CLUSTER={asked}: say embedded, kind or current")
    return "kind" if succeeds(["docker", "info"]) else "embedded"


def kind_is_up(name: str) -> bool:
    """Whether kind has a cluster of this name."""
    return name in run(_kind(), "get", "clusters").split()


def kind_up(name: str) -> Path:
    """Create a kind cluster, unless it exists; its kubeconfig is in a file of its own."""
    kubeconfig = STATES / f"kind-{name}.kubeconfig"
    STATES.mkdir(exist_ok=True)
    into = ("--name", name, "--kubeconfig", kubeconfig)
    if kind_is_up(name):
        run(_kind(), "export", "kubeconfig", *into)
    else:
        run(_kind(), "create", "cluster", "--wait", "2m", *into)
    return kubeconfig


def kind_down(name: str) -> None:
    """Delete a kind cluster."""
    kubeconfig = STATES / f"kind-{name}.kubeconfig"
    run(_kind(), "delete", "cluster", "--name", name, "--kubeconfig", kubeconfig)
    kubeconfig.unlink(missing_ok=True)


def kind_import(name: str, tar: Path) -> None:
    """Make an archive's images known to a kind cluster."""
    run(_kind(), "load", "image-archive", "--name", name, tar)


def current() -> str:
    """The version of the reader's own cluster. Raises ClusterError when it does not answer."""
    return run(kubectl(), "version", "--output=json", "--request-timeout=10s")


def _kind() -> str:
    found = which("kind")
    if found:
        return found
    built = cache_folder() / "kind" / "kind"
    if not built.exists():
        run("env", f"GOBIN={built.parent}", go(), "install", _KIND)
    return str(built)
