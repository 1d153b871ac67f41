"""A real service manager: systemd for the user of the tests, with units of its own.

systemd needs a cgroup of its own, and takes a folder in /run as the sign that the system was booted
by it. The folder is in a mount namespace that only systemd has.
"""

from __future__ import annotations

import os
import subprocess
from itertools import count
from pathlib import Path

from dev.servers.tools import systemd
from tests.kube import eventually

_NUMBERS = count(1)
"""A cgroup for each of the managers of this process."""
_CGROUPS = Path("/sys/fs/cgroup")
_SCRIPT = """
set -e
for group in "$@"; do echo $$ > "$group/cgroup.procs"; done
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
exec "$SYSTEMD" --user
"""


class ServiceManager:
    """systemd with the units of a folder. It needs root, to make cgroups."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._units = folder / "home/.config/systemd/user"
        self._units.mkdir(parents=True)
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        self.variables = {"XDG_RUNTIME_DIR": str(runtime)}
        """By which systemctl finds it."""
        self._environ = {**os.environ, **self.variables, "HOME": str(folder / "home")}
        self._groups = [
            group / f"itw-tests-{os.getpid()}-{next(_NUMBERS)}" for group in _hierarchies()
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        environ = {**self._environ, "SYSTEMD": str(systemd())}
        for group in self._groups:
            group.mkdir(exist_ok=True)
        Path("/run/systemd").mkdir(exist_ok=True)
        command = ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", *map(str, self._groups)]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
        eventually(lambda: self.systemctl("is-active", "default.target") == "active")

    def stop(self) -> None:
        """End it and its units, and remove its cgroups."""
        if self._process is not None:
            self.systemctl("exit")
            self._process.wait(60)
            self._process = None
        for group in self._groups:
            for folder in sorted((group, *group.rglob("*")), reverse=True):
                if folder.is_dir():
                    folder.rmdir()

    def define(self, name: str, service: str) -> None:
        """Write a unit, and let systemd read it."""
        (self._units / f"{name}.service").write_text(f"[Service]\n{service}\n")
        self.systemctl("daemon-reload")

    def systemctl(self, *arguments: str) -> str:
        """What systemctl prints, whether it succeeds or not."""
        command = ["systemctl", "--user", *arguments]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True)
        return done.stdout.strip()


def _hierarchies() -> list[Path]:
    """Where cgroups are that systemd uses: one hierarchy, or the two of a hybrid setup."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [_CGROUPS / name for name in ("systemd", "unified") if (_CGROUPS / name).is_dir()]
