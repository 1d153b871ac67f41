"""Programs of Go modules, built once and kept, as the control plane is."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.building import say
from dev.cluster.errors import ClusterError
from dev.cluster.shell import environment, last_line
from dev.cluster.tools import cache_folder, go


@dataclass(frozen=True)
class Tool:
    """A program of a Go module; go.mod and go.sum pin what goes into it."""

    name: str
    package: str
    module: Path
    """The folder of go.mod and go.sum."""
    variables: tuple[str, ...] = ()
    """What the linker sets, as `package.variable=value`."""

    @property
    def _link(self) -> str:
        return " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])

    @property
    def _key(self) -> str:
        digest = hashlib.sha256(f"{self.package} {self._link} {platform.machine()}".encode())
        for name in ("go.mod", "go.sum"):
            digest.update(b"\0" + (self.module / name).read_bytes())
        return digest.hexdigest()[:16]

    def path(self) -> Path:
        """The built program; builds it first (some minutes) when its module changed."""
        target = cache_folder() / "tools" / self._key / self.name
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with (target.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits and finds it built
            if not target.exists():
                self._build(target)
        return target

    def _build(self, target: Path) -> None:
        """Compile beside the target and rename, so that a broken build is never found."""
        began = time.monotonic()
        say(f"building {self.name}, once")
        env = environment(CGO_ENABLED="0", GOFLAGS="-buildvcs=false -mod=readonly", GOWORK="off")
        env.setdefault("GOTOOLCHAIN", "auto")
        partial = target.with_name(f"partial-{os.getpid()}")
        command = [go(), "build", "-ldflags", self._link, "-o", str(partial), self.package]
        done = subprocess.run(command, cwd=self.module, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"building {self.name} failed: {last_line(done.stderr)}")
        partial.rename(target)
        say(f"built {self.name} in {time.monotonic() - began:.0f} s")
