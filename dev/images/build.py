"""The image `ghcr.io/itechsmart/workflow:VERSION`: operator, command line and actions in one.

One image for all: the actions need most of what the operator needs, and a node that runs both pulls
it once.
"""

from __future__ import annotations

import fcntl
import hashlib
import sys
import time
import tomllib
from pathlib import Path

from dev.cluster.shell import run, succeeds
from dev.images.buildah import Buildah

PROJECT = Path(__file__).resolve().parents[2]
REPOSITORY = "ghcr.io/itechsmart/workflow"
ARCHIVE = "itechsmart-workflow.tar"
SOURCES = ("Dockerfile", "pyproject.toml", "README.md", "requirements", "operator", "dev/images")


def version() -> str:
    """The project's version."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        text: str = tomllib.load(file)["project"]["version"]
    return text


def name() -> str:
    """The image's name with the project's version as its tag."""
    return f"{REPOSITORY}:{version()}"


def archive(folder: Path = PROJECT / "build/images") -> Path:
    """The path of the archive."""
    return folder / ARCHIVE


def build(folder: Path = PROJECT / "build/images", *, docker: bool | None = None) -> Path:
    """Build the image if anything of it changed, and return its archive.

    `docker` chooses Docker or buildah; by default Docker is used when its daemon answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits and finds it built
        _build(folder, docker)
    return archive(folder)


def _build(folder: Path, docker: bool | None) -> None:
    target, stamp, key = archive(folder), folder / "built", f"{name()} {_key()}"
    if target.exists() and stamp.exists() and stamp.read_text() == key:
        return
    started = time.monotonic()
    for old in (stamp, target):  # an archive is complete, or absent
        old.unlink(missing_ok=True)
    if docker if docker is not None else succeeds(["docker", "info"]):
        run("docker", "build", "--tag", name(), PROJECT)
        run("docker", "save", "--output", target, name())
    else:
        Buildah().build(PROJECT, name(), target)
    stamp.write_text(key)
    print(f"images: built in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def _key() -> str:
    """A hash of all files that the image is made of."""
    digest = hashlib.sha256()
    for path in sorted(path for source in SOURCES for path in _files(PROJECT / source)):
        digest.update(f"{path.relative_to(PROJECT)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = (path for path in source.rglob("*") if "__pycache__" not in path.parts)
    return [path for path in found if path.is_file()]
