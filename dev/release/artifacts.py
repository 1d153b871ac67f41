"""The image, its list of contents, the chart and the Python package of a release."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path

from dev.charts.tools import helm
from dev.cluster.errors import ClusterError
from dev.cluster.shell import run
from dev.images.build import PROJECT, REPOSITORY, version
from dev.images.buildah import Buildah
from dev.release.tools import SYFT


def commit_time() -> int:
    """When the commit was made, in seconds since the epoch."""
    return int(run("git", "-C", PROJECT, "log", "-1", "--format=%ct"))


def wheel(folder: Path) -> None:
    """The operator, the command line and the actions as a Python package."""
    hatchling = Path(sys.executable).with_name("hatchling")
    run("env", "-C", PROJECT, hatchling, "build", "--target", "wheel", "--directory", folder)


def image(folder: Path, name: str) -> Path:
    """The image as an OCI archive."""
    archive = folder / f"itechsmart-workflow-image-{version()}.oci.tar"
    Buildah().build(PROJECT, name, archive, form="oci-archive", timestamp=commit_time())
    return archive


def chart(folder: Path, repository: str) -> None:
    """The chart, with the image of the release, its files dated as the commit."""
    registry, _, path = repository.partition("/")
    with tempfile.TemporaryDirectory() as parent:
        source = Path(parent, "itechsmart-workflow")
        shutil.copytree(PROJECT / "charts/itechsmart-workflow", source)
        values = source / "values.yaml"
        default_registry, _, default_path = REPOSITORY.partition("/")
        text = values.read_text()
        for key, old, new in (
            ("registry", default_registry, registry), ("repository", default_path, path)
        ):  # fmt: skip
            if f"  {key}: {old}\n" not in text:
                raise ClusterError(f"{values.name} of the chart: image.{key} is not {old}")
            text = text.replace(f"  {key}: {old}\n", f"  {key}: {new}\n", 1)
        values.write_text(text)
        run(helm(), "package", source, "--destination", parent)
        (packaged,) = Path(parent).glob("*.tgz")
        _repack(packaged, folder / packaged.name)


def _repack(packaged: Path, target: Path) -> None:
    """The same archive, without the time at which it was packed."""
    with tarfile.open(packaged) as old, target.open("wb") as file:
        zipped = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
        with zipped, tarfile.open(fileobj=zipped, mode="w") as new:
            for member in sorted(old.getmembers(), key=lambda each: each.name):
                member.mtime = commit_time()
                new.addfile(member, old.extractfile(member))


def sbom(archive: Path, target: Path) -> None:
    """The packages in the image, in SPDX 2.3, as syft finds them.

    Its date is the commit's and its identity follows from the image, so that it is reproducible.
    """
    found = json.loads(run(SYFT.path(), "scan", f"oci-archive:{archive}", "--output", "spdx-json"))
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    created = datetime.fromtimestamp(commit_time(), UTC)
    found["creationInfo"]["created"] = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = uuid.uuid5(uuid.NAMESPACE_URL, digest)
    found["documentNamespace"] = f"https://{REPOSITORY}/spdx/{version()}-{identity}"
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
