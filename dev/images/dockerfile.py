"""The proof of the Dockerfile where there is no Docker: buildah, and a stand-in for its base image.

The stand-in is made of Debian's Python of the same version. So this proves every step of the
Dockerfile and that the image starts, not how it behaves on another build of Python.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which
from dev.cluster.tools import install
from dev.images import debian, oci
from dev.images.build import PROJECT

_VENV = ("python3-venv", f"python{debian.PYTHON}-venv", "python3-pip-whl", "python3-setuptools-whl")
_CERTIFICATES = "/etc/ssl/certs"
_TARGET = "localhost/itechsmart-workflow:check"


def check() -> None:
    """Build the Dockerfile and run the result as its user; ClusterError when a step fails."""
    if os.geteuid() != 0:
        raise ClusterError("buildah needs root here")
    if not which("buildah"):
        install(["buildah"])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        _check(Path(folder))


def _check(folder: Path) -> None:
    store = ("buildah", "--storage-driver", "vfs", "--root", folder / "root",
             "--runroot", folder / "run")  # fmt: skip
    base = _base_image()
    _say(f"making a stand-in for {base}")
    standin = folder / "standin.tar"
    _stand_in(folder, standin)
    # A signature policy of our own, as Debian's buildah comes without one.
    policy = folder / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    image = run(*store, "pull", "--quiet", "--signature-policy", policy, f"oci-archive:{standin}")
    run(*store, "tag", image.strip(), f"docker.io/library/{base}")
    _say("building the Dockerfile")
    settings = [f"--env={name}" for name in sorted(os.environ) if name.startswith("PIP_")]
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    mounts = [
        f"--volume={path}:{path}:ro" for path in (_CERTIFICATES, wheels) if Path(path).is_dir()
    ]
    run(*store, "bud", "--quiet", "--isolation", "chroot", "--pull-never", "--signature-policy",
        policy, *settings, *mounts, "--tag", _TARGET, PROJECT)  # fmt: skip
    _say("running it as its user")
    container = run(*store, "from", "--pull-never", "--signature-policy", policy, _TARGET).strip()
    who = run(
        *store,
        "run",
        "--isolation",
        "chroot",
        container,
        "--",
        "sh",
        "-c",
        "id -u; orchestrator --help",
    )
    if who.split("\n", 1)[0] != str(debian.USER):
        raise ClusterError(f"the image runs as user {who.split()[0]}, not {debian.USER}")
    size = run(*store, "images", "--format", "{{.Size}}", _TARGET).strip()
    _say(f"the Dockerfile builds and runs as user {debian.USER}, {size}")


def _base_image() -> str:
    names = re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    if len(set(names)) != 1:
        raise ClusterError(f"the Dockerfile's stages have several bases: {', '.join(names)}")
    return str(names[0])


def _stand_in(folder: Path, path: Path) -> None:
    root = folder / "standin"
    root.mkdir(mode=0o755)
    debian.populate(root, debian.packages((*debian.PACKAGES, *_VENV)))
    layer = oci.layer(root, folder / "standin.layer")
    oci.write(path, _base_image(), [layer], {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]})


def _say(line: str) -> None:
    print(f"images: {line}", file=sys.stderr, flush=True)
