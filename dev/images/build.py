"""The image `ghcr.io/itechsmart/workflow:VERSION`: operator, command line and actions in one.

One image for all: the actions need most of what the operator needs, and a node that runs both pulls
it once.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from dev.cluster.shell import run, succeeds
from dev.images import debian, oci

PROJECT = Path(__file__).resolve().parents[2]
REPOSITORY = "ghcr.io/itechsmart/workflow"
ARCHIVE = "itechsmart-workflow.tar"
PACKAGES = f"usr/local/lib/python{debian.PYTHON}/dist-packages"
"""Where Debian's Python finds what Debian did not install."""
ENTRY_POINTS = ("orchestrator", "kubectl-automation")
CONFIG = {
    "User": f"{debian.USER}:{debian.USER}",
    "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=C.UTF-8",
        "HOME=/home/nonroot",
        "PYTHONUNBUFFERED=1",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYDANTIC_DISABLE_PLUGINS=true",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
    ],
    "WorkingDir": "/home/nonroot",
    "Entrypoint": ["orchestrator"],
}


def name() -> str:
    """The image's name with the project's version as its tag."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        return f"{REPOSITORY}:{tomllib.load(file)['project']['version']}"


def archive(folder: Path = PROJECT / "build/images") -> Path:
    """Where the archive is, once built."""
    return folder / ARCHIVE


def build(folder: Path = PROJECT / "build/images", *, docker: bool | None = None) -> Path:
    """Build the image if anything of it changed, and return its archive.

    `docker` forces one way or the other; by default a Docker daemon is used when one answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if docker is None:
        docker = succeeds(["docker", "info"])
    if docker:
        _say(f"docker build of {name()}")
        run("docker", "build", "--tag", name(), PROJECT)
        run("docker", "save", "--output", archive(folder), name())
        return archive(folder)
    closure = debian.packages()
    base, libraries, package = debian.key(closure), _libraries_key(), _package_key()
    stamp = folder / "built"
    content = "\n".join((name(), base, libraries, package))
    if archive(folder).exists() and stamp.exists() and stamp.read_text() == content:
        return archive(folder)
    layers = [
        _layer(folder, "base", base, lambda root: debian.populate(root, closure)),
        _layer(folder, "libraries", libraries, install_libraries),
        _layer(folder, "package", package, install_package),
    ]
    stamp.unlink(missing_ok=True)
    oci.write(archive(folder), name(), layers, CONFIG)
    stamp.write_text(content)
    return archive(folder)


def _layer(folder: Path, kind: str, key: str, populate: Callable[[Path], None]) -> oci.Layer:
    """A layer kept from before, or made now; older ones of its kind are removed."""
    path = folder / f"{kind}-{key}.layer"
    if path.exists():
        return oci.existing(path)
    started = time.monotonic()
    _say(f"making the layer {kind}")
    with tempfile.TemporaryDirectory(dir=folder) as root:
        Path(root).chmod(0o755)
        populate(Path(root))
        for old in folder.glob(f"{kind}-*.layer"):
            old.unlink()
        made = oci.layer(Path(root), path)
    size = path.stat().st_size / 1e6
    _say(f"the layer {kind}: {size:.0f} MB in {time.monotonic() - started:.1f} s")
    return made


def install_libraries(root: Path) -> None:
    """The locked requirements."""
    target = root / PACKAGES
    run(_uv(), "pip", "install", "--quiet", "--system-certs",
        "--python", f"/usr/bin/python{debian.PYTHON}",
        "--target", target, "--link-mode", "copy", "--require-hashes", "--only-binary", ":all:",
        "--requirement", PROJECT / "requirements/runtime.txt")  # fmt: skip
    shutil.rmtree(target / "bin", ignore_errors=True)
    shutil.rmtree(target / "kubernetes/aio")  # the client's asynchronous twin: 41 MB, unused
    debian.compile_python(root, PACKAGES)


def install_package(root: Path) -> None:
    """The project's own wheel and its commands."""
    target = root / PACKAGES
    with tempfile.TemporaryDirectory() as wheels:
        run("env", "--chdir", PROJECT, sys.executable, "-m", "hatchling", "build",
            "--target", "wheel", "--directory", wheels)  # fmt: skip
        run(_uv(), "pip", "install", "--quiet", "--system-certs",
        "--python", f"/usr/bin/python{debian.PYTHON}",
            "--target", target, "--link-mode", "copy", "--no-deps",
            *Path(wheels).glob("*.whl"))  # fmt: skip
    commands = root / "usr/local/bin"
    commands.mkdir(parents=True)
    for command in ENTRY_POINTS:
        script = (target / "bin" / command).read_text().split("\n", 1)[1]
        (commands / command).write_text(f"#!/usr/bin/python{debian.PYTHON}\n{script}")
        (commands / command).chmod(0o755)
    shutil.rmtree(target / "bin")
    debian.compile_python(root, PACKAGES)


def _uv() -> Path:
    return Path(sys.executable).with_name("uv")


def _libraries_key() -> str:
    return _hash([PROJECT / "requirements/runtime.txt", Path(__file__), Path(debian.__file__)])


def _package_key() -> str:
    sources = sorted(
        path
        for path in (PROJECT / "operator").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return _hash([PROJECT / "pyproject.toml", PROJECT / "README.md", Path(__file__), *sources])


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(PROJECT)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _say(line: str) -> None:
    print(f"images: {line}", file=sys.stderr, flush=True)
