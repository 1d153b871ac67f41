"""Prometheus and Alertmanager: the machine's, otherwise from Debian's packages, which are only
unpacked: installing them would start services."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which
from dev.cluster.tools import cache_folder

ALERTMANAGER = "prometheus-alertmanager"
_TEMPLATES = Path("/usr/share/prometheus/alertmanager")
_PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    ALERTMANAGER: ALERTMANAGER,
}
"""Debian's packages by program."""


def program(name: str) -> Path:
    """The path of `prometheus`, `promtool` or `prometheus-alertmanager`.

    Raises ClusterError if it cannot be had.
    """
    if found := which(name):
        return Path(found)
    package = _PACKAGES[name]
    folder = cache_folder() / package
    path = folder / "usr/bin" / name
    if not path.exists():
        _unpack(package, folder)
    if name == ALERTMANAGER:
        _provide_templates(folder)
    return path


def _provide_templates(folder: Path) -> None:
    """Debian's Alertmanager reads its templates from this folder, wherever its program is."""
    if _TEMPLATES.exists():
        return
    try:
        shutil.copytree(folder / _TEMPLATES.relative_to("/"), _TEMPLATES, dirs_exist_ok=True)
    except OSError as error:
        raise ClusterError(f"install {ALERTMANAGER}, or run this as root: {error}") from error


def _unpack(package: str, folder: Path) -> None:
    """Download and unpack it beside its folder and rename, so that half of it is never found."""
    if not which("apt-get"):
        raise ClusterError(f"install {package} (this machine has no apt-get)")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        partial = folder.with_name(f"{package}-{os.getpid()}")
        partial.mkdir()
        try:
            _download(package, partial)
            (archive,) = partial.glob("*.deb")
            run("dpkg-deb", "-x", archive, partial)
            archive.unlink()
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _download(package: str, folder: Path) -> None:
    """Into the folder: apt-get knows no other than the current one."""
    download = ("sh", "-c", 'cd "$1" && exec apt-get download -qq "$2"', "sh", folder, package)
    try:
        run(*download)
    except ClusterError:  # the list of packages is missing, or older than what is offered
        run("apt-get", "update", "-qq")
        run(*download)
