"""Build programs in Go once and keep them, keyed by everything that goes into them."""

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
    """The built control plane; builds it first (5 to 15 minutes) when its sources changed."""
    return built("controlplane", _SOURCES, _LINK)


def built(name: str, sources: Path, link: str = "", package: str = ".") -> Path:
    """The program of a folder with a go.mod; builds it first when its sources changed.

    A `package` of another module is one that go.mod names as a tool.
    """
    target = cache_folder() / name / _key(sources, link) / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits and finds it built
        if not target.exists():
            _build(sources, link, package, target)
    return target


def _key(sources: Path, link: str) -> str:
    digest = hashlib.sha256(f"{link} {platform.machine()}".encode())
    for source in sorted([*sources.glob("*.go"), *sources.glob("go.*")]):
        digest.update(f"\0{source.name}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _build(sources: Path, link: str, package: str, target: Path) -> None:
    """Compile beside the target and rename, so that a broken build is never found."""
    compiler = go()
    say(f"building {target.name}, once: fetching its modules")
    env = environment(CGO_ENABLED="0", GOFLAGS="-buildvcs=false", GOWORK="off")
    # A go that is too old for go.mod fetches the right one, unless this machine forbids it.
    env.setdefault("GOTOOLCHAIN", "auto")
    listed = subprocess.run(
        [compiler, "list", "-deps", package],
        cwd=sources, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        raise ClusterError(f"the modules of {target.name}: {last_line(listed.stderr)}")
    partial = target.with_name(f"partial-{os.getpid()}")
    command = [compiler, "build", "-v", "-ldflags", link, "-o", str(partial), package]
    log, total = target.with_name("build.log"), len(listed.stdout.split())
    _compile(command, sources, env, log, total)
    partial.rename(target)


def _compile(command: list[str], sources: Path, env: dict[str, str], log: Path, total: int) -> None:
    """Run go build; its -v prints a line for each package that it had to compile."""
    began = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=sources, env=env, stderr=output) as process,
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
        raise ClusterError(f"building {sources.name} failed:\n" + "\n".join(tail))
    say(f"built in {time.monotonic() - began:.0f} s")


def say(message: str) -> None:
    """Progress goes to stderr, so that output for programs stays clean."""
    print(message, file=sys.stderr, flush=True)
