"""Build the control plane once and keep it, keyed by everything that goes into it."""

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import environment, last_line
from dev.cluster.tools import cache_folder, go

KUBERNETES = "v1.35.4"

_SOURCES = Path(__file__).parent / "controlplane"
_VERSION = "k8s.io/component-base/version"
_LINK = " ".join([
    "-s", "-w",
    f"-X {_VERSION}.gitVersion={KUBERNETES}",
    f"-X {_VERSION}.gitMajor={KUBERNETES.lstrip('v').split('.')[0]}",
    f"-X {_VERSION}.gitMinor={KUBERNETES.split('.')[1]}",
])  # fmt: skip
_EVERY = 10.0  # seconds between two lines of progress


def control_plane() -> Path:
    """The built program; builds it first (5 to 15 minutes) when its sources changed."""
    target = cache_folder() / "controlplane" / _key() / "controlplane"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits and finds it built
        if not target.exists():
            _build(target)
    return target


def _key() -> str:
    digest = hashlib.sha256(f"{_LINK} {platform.machine()}".encode())
    for source in sorted([*_SOURCES.glob("*.go"), *_SOURCES.glob("go.*")]):
        digest.update(f"\0{source.name}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _build(target: Path) -> None:
    """Compile beside the target and rename, so that a broken build is never found."""
    compiler = go()
    say("building the control plane, once: fetching its modules")
    env = environment(CGO_ENABLED="0", GOFLAGS="-buildvcs=false", GOWORK="off")
    # A go that is too old for go.mod fetches the right one, unless this machine forbids it.
    env.setdefault("GOTOOLCHAIN", "auto")
    listed = subprocess.run(
        [compiler, "list", "-deps", "."],
        cwd=_SOURCES, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        raise ClusterError(f"the control plane's modules: {last_line(listed.stderr)}")
    partial = target.with_name(f"partial-{os.getpid()}")
    command = [compiler, "build", "-v", "-ldflags", _LINK, "-o", str(partial), "."]
    _compile(command, env, target.with_name("build.log"), total=len(listed.stdout.split()))
    partial.rename(target)


def _compile(command: list[str], env: dict[str, str], log: Path, total: int) -> None:
    """Run go build; its -v prints a line for each package that it had to compile."""
    began = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=_SOURCES, env=env, stderr=output) as process,
    ):
        while process.poll() is None:
            try:
                process.wait(_EVERY)
            except subprocess.TimeoutExpired:
                compiled = len(log.read_bytes().splitlines())
                took = time.monotonic() - began
                say(f"building: {compiled} packages of at most {total}, {took:.0f} s")
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-10:]
        raise ClusterError("building the control plane failed:\n" + "\n".join(tail))
    say(f"built in {time.monotonic() - began:.0f} s")


def say(message: str) -> None:
    """Progress goes to stderr, so that output for programs stays clean."""
    print(message, file=sys.stderr, flush=True)
