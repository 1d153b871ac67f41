"""The Dockerfile without Docker: built by buildah, on the published base image or a substitute.

Where the registry of the base image does not answer, mmdebstrap makes a substitute of Debian's
packages: the same release of Debian and of Python, built by Debian.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, succeeds, which
from dev.cluster.tools import cache_folder, install

REGISTRY = "https://registry-1.docker.io/v2/"
CERTIFICATES = "/etc/ssl/certs"
RELEASE = "bookworm"
VARIANT = "minbase"
"""Of mmdebstrap: the packages of Debian's slim images."""
PACKAGES = ("ca-certificates", "netbase", "python3", "python3-venv", "tzdata")
"""What the published base has in addition, and what its Python contains."""
MAX_IMAGES = 100
"""Images and layers of earlier builds, beyond which those without a name are removed."""
UNWANTED = ("doc", "info", "lintian", "locale", "man")
"""Folders of /usr/share that Debian's slim images leave out."""


class Buildah:
    """buildah as root and without a daemon, with images and layers that all checkouts share."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise ClusterError("building the image without Docker needs root")
        missing = [program for program in ("buildah", "mmdebstrap") if not which(program)]
        if missing:
            install(missing)
        self._storage = cache_folder() / "images"
        self._storage.mkdir(parents=True, exist_ok=True)
        self._driver = "overlay"
        if not succeeds([*map(str, self._command("images"))]):
            self._driver = "vfs"  # the cache is itself on an overlay, as in a container

    def build(
        self,
        project: Path,
        image: str,
        archive: Path,
        *,
        form: Literal["docker-archive", "oci-archive"] = "docker-archive",
        timestamp: int | None = None,
    ) -> None:
        """Build the Dockerfile of a project, and write the image as an archive.

        `timestamp`, in seconds since the epoch, becomes the date of the image and of all its files.
        No layer of an earlier build is used then: its files may have another date.
        """
        dated = () if timestamp is None else (f"--timestamp={timestamp}", "--no-cache")
        with (self._storage / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller finds the layers
            base = () if _registry_answers() else ("--build-arg", f"BASE={self._substitute()}")
            _say(f"building {image}")
            with _pip_settings() as mounts:
                self._bud(project, image, "--layers", *dated, *base, *mounts)
            self._run("push", "--quiet", image, f"{form}:{archive}:{image}")
            if len(run(*self._command("images", "--quiet")).split()) > MAX_IMAGES:
                self._run("rmi", "--prune", "--force")

    def _substitute(self) -> str:
        """The name of the substitute for the base image; it is made unless it exists."""
        recipe = hashlib.sha256(repr((RELEASE, VARIANT, PACKAGES, UNWANTED)).encode()).hexdigest()[
            :12
        ]
        image = f"localhost/debian-python:{RELEASE}-{recipe}"
        if succeeds([*map(str, self._command("inspect", "--type", "image", image))]):
            return image
        _say(f"making a base of Debian {RELEASE}, as {REGISTRY} does not answer")
        left_out = (f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in UNWANTED)
        with tempfile.TemporaryDirectory() as folder:
            run("mmdebstrap", "--quiet", f"--variant={VARIANT}", f"--include={','.join(PACKAGES)}",
                "--dpkgopt=force-unsafe-io", *left_out, RELEASE, f"{folder}/root.tar")  # fmt: skip
            Path(folder, "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
            self._bud(Path(folder), image)
        return image

    def _bud(self, context: Path, image: str, *options: str) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as policy:
            # Debian's buildah comes without a policy, and pulls nothing then.
            policy.write('{"default": [{"type": "insecureAcceptAnything"}]}')
            policy.flush()
            self._run("bud", "--quiet", "--isolation", "chroot", "--signature-policy", policy.name,
                      *options, "--tag", image, str(context))  # fmt: skip

    def _run(self, *arguments: str) -> None:
        run(*self._command(*arguments))

    def _command(self, *arguments: str) -> tuple[str | Path, ...]:
        storage = ("--root", self._storage / "root", "--runroot", self._storage / "run")
        return ("buildah", *storage, "--storage-driver", self._driver, *arguments)


def _registry_answers() -> bool:
    """Whether the registry asks for a token, as it does before a pull."""
    try:
        urllib.request.urlopen(REGISTRY, timeout=5)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return True


@contextmanager
def _pip_settings() -> Iterator[list[str]]:
    """Mounts that give the build this machine's certificates and settings of pip."""
    settings = {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in sorted(os.environ.items())
        if name.startswith("PIP_")
    }
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("\n".join(["[global]", *(f"{key} = {settings[key]}" for key in settings)]))
        file.flush()
        wanted = (CERTIFICATES, *settings.get("find-links", "").split())
        paths = [path for path in wanted if Path(path).is_dir()]
        yield [f"--volume={path}:{path}:ro" for path in paths] + [
            f"--volume={file.name}:/etc/pip.conf:ro"
        ]


def _say(line: str) -> None:
    print(f"images: {line}", file=sys.stderr, flush=True)
