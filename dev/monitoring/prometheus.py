"""Prometheus and promtool: the machine's, otherwise from Debian's package, which is only unpacked:
installing it would start a service."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which
from dev.cluster.tools import cache_folder

_PACKAGE = "prometheus"


def program(name: str) -> Path:
    """The path of `prometheus` or `promtool`. Raises ClusterError where there is none to be had."""
    if found := which(name):
        return Path(found)
    folder = cache_folder() / _PACKAGE
    path = folder / "usr/bin" / name
    if not path.exists():
        _unpack(folder)
    return path


def _unpack(folder: Path) -> None:
    """Download and unpack it beside its folder and rename, so that half of it is never found."""
    if not which("apt-get"):
        raise ClusterError(f"install {_PACKAGE} (this machine has no apt-get)")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        partial = folder.with_name(f"{_PACKAGE}-{os.getpid()}")
        partial.mkdir()
        try:
            _download(partial)
            (package,) = partial.glob("*.deb")
            run("dpkg-deb", "-x", package, partial)
            package.unlink()
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _download(folder: Path) -> None:
    """Into the folder: apt-get knows no other than the current one."""
    download = ("sh", "-c", 'cd "$1" && exec apt-get download -qq "$2"', "sh", folder, _PACKAGE)
    try:
        run(*download)
    except ClusterError:  # the list of packages is missing, or older than what is offered
        run("apt-get", "update", "-qq")
        run(*download)
