"""What real pods leave on a machine, and how it goes: processes, mounts, control groups, links."""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.images import ctr
from dev.cluster.layout import Layout
from dev.cluster.network import Network
from dev.cluster.shell import run

_CGROUPS = Path("/sys/fs/cgroup")
_UNIFIED = _CGROUPS / "cgroup.controllers"  # only where version 2 is alone
_CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
_OURS = ("controlplane", "containerd", "containerd-shim-runc-v2")
_TIMEOUT = 10.0  # seconds


def make_control_groups(network: Network) -> None:
    """The group that the kubelet puts its pods into; it must exist in every hierarchy."""
    if _UNIFIED.exists():
        wanted = " ".join(f"+{name}" for name in _UNIFIED.read_text().split())
        (_CGROUPS / "cgroup.subtree_control").write_text(wanted)
    for group in _groups(network):
        try:
            group.mkdir(exist_ok=True)
            for name in _CPUSET_FILES:  # version 1 starts them empty, which admits no process
                if (group.parent / name).exists() and not (group / name).read_text().strip():
                    (group / name).write_text((group.parent / name).read_text())
        except OSError as error:
            raise ClusterError(f"control groups must be writable: {error}") from None


def stop_pods(layout: Layout) -> None:
    """Kill every container and let containerd forget it, so that its shims end by themselves."""
    tasks = ctr(layout, "tasks", "list", "--quiet", check=False).split()
    if tasks:
        ctr(layout, "tasks", "delete", "--force", *tasks, check=False)


def remove_leftovers(layout: Layout, network: Network) -> None:
    """Remove whatever is left once the components have ended. Safe to repeat."""
    _kill_groups(network)
    for pid in _ours(layout):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _unmount(layout.root)
    for link in _links(Path("/var/log/containers"), layout):
        link.unlink()
    for path in [*_results(layout), *_shim_sockets(layout)]:
        path.unlink(missing_ok=True)
    for group in _groups(network):
        _remove_group(group)


def remove_folder(root: Path) -> None:
    """Remove the state folder, once nothing is mounted in it any more."""
    mounted = _mounts(root)
    if mounted:
        raise ClusterError(f"{mounted[0]} is still mounted: end what uses it, then down again")
    shutil.rmtree(root)


def _groups(network: Network) -> list[Path]:
    if _UNIFIED.exists():
        return [_CGROUPS / network.namespace]
    # A hierarchy may appear twice, as cpu and as cpu,cpuacct; links would be the same folder.
    hierarchies = [path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]
    return [hierarchy / network.namespace for hierarchy in hierarchies]


def _kill_groups(network: Network) -> None:
    """Kill all processes in the pods' groups, whoever started them."""
    end = time.monotonic() + _TIMEOUT
    while pids := _members(network):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise ClusterError(f"processes do not end: {sorted(pids)[:5]}")
        time.sleep(0.05)


def _members(network: Network) -> set[int]:
    found: set[int] = set()
    for group in _groups(network):
        for listing in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # the group went meanwhile
                found.update(int(pid) for pid in listing.read_text().split())
    return found - {0}


def _remove_group(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):  # held a moment longer; an empty group is harmless
            os.rmdir(folder)


def _ours(layout: Layout) -> list[int]:
    """Programs of ours that run with this instance's folder on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = Path(os.readlink(process / "exe")).name.removesuffix(" (deleted)")
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if program in _OURS and f"{layout.root}/" in command:
            found.append(int(process.name))
    return found


def _mounts(root: Path) -> list[str]:
    """What is mounted under a folder, the deepest and newest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # The fifth field is the mount point, with spaces as \040 (proc(5)).
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    return [point for point in reversed(points) if point.startswith(f"{root}/")]


def _unmount(root: Path) -> None:
    for point in _mounts(root):
        run("umount", "--lazy", point, check=False)


def _results(layout: Layout) -> list[Path]:
    """What the network plugins remember of our pods, in a folder that they share with others."""
    remembered = Path("/var/lib/cni/results").glob("*")
    return [path for path in remembered if f"{layout.root}/" in path.read_text()]


def _shim_sockets(layout: Layout) -> list[Path]:
    """The sockets of shims that were killed; their folder is the same for every containerd."""
    tasks = layout.root / "containerd" / "state" / "io.containerd.runtime.v2.task"
    return [Path(file.read_text().removeprefix("unix://")) for file in tasks.glob("*/*/address")]


def _links(folder: Path, layout: Layout) -> list[Path]:
    """The kubelet's links to the pods' logs, in a folder that it cannot be configured to change."""
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if p.is_symlink() and f"{layout.root}/" in os.readlink(p)]
