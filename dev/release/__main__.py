"""The command `python -m dev.release`."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.images.build import PROJECT, REPOSITORY, version
from dev.release import artifacts
from dev.release.manifests import OPTIONAL, catalog_manifest, install_manifest, optional_manifest
from dev.release.notes import NotesError, notes_of

CHECKSUMS = "checksums.txt"


def main() -> int:
    """Write the release; 1 with one line on failure."""
    parser = argparse.ArgumentParser(prog="dev.release", description="Everything of a release.")
    parser.add_argument("--output", type=Path, default=PROJECT / "build/release")
    parser.add_argument(
        "--repository", default=REPOSITORY, help="where the image will be (default: %(default)s)"
    )
    parser.add_argument(
        "--version", default=version(), help="must be the version of pyproject.toml (a tag's check)"
    )
    arguments = parser.parse_args()
    try:
        _release(arguments.output.resolve(), arguments.repository, arguments.version)
    except (ClusterError, NotesError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _release(folder: Path, repository: str, wanted: str) -> None:
    if wanted != version():
        raise ClusterError(f"version {wanted} is not {version()}, which pyproject.toml has")
    notes = notes_of((PROJECT / "CHANGELOG.md").read_text(), wanted)
    os.environ["SOURCE_DATE_EPOCH"] = str(artifacts.commit_time())
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    image = f"{repository}:{wanted}"
    (folder / "release-notes.md").write_text(notes)
    (folder / "install.yaml").write_text(install_manifest(image))
    for name in OPTIONAL:
        (folder / f"{name}.yaml").write_text(optional_manifest(name, image))
    (folder / "catalog.yaml").write_text(catalog_manifest())
    artifacts.wheel(folder)
    artifacts.chart(folder, repository)
    archive = artifacts.image(folder, image)
    artifacts.sbom(archive, folder / f"{archive.name.removesuffix('.oci.tar')}.spdx.json")
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / CHECKSUMS).write_text("".join(lines))
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.name}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
