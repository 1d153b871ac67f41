"""The manifests of a release, each one file that `kubectl apply -f` takes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from dev.cluster.shell import run
from dev.cluster.tools import kubectl
from dev.images.build import PROJECT, REPOSITORY

OPTIONAL = ("receiver", "api", "recorder", "api-with-history")
"""What an installation may add, by the folder of its manifests."""


def install_manifest(image: str) -> str:
    """The custom resources and the operator, with `image` for operator and runner."""
    return _joined(_texts("crds"), _built("manifests/install", image))


def optional_manifest(name: str, image: str) -> str:
    """One of OPTIONAL, with `image`: a file of its own."""
    return _joined(_built(f"manifests/{name}", image))


def catalog_manifest() -> str:
    """The ClusterTemplates of the shipped actions and workflows.

    A file of its own: kubectl maps all kinds of a file before it creates any object, so one file
    with a kind and its definition fails on a new cluster.
    """
    return _joined(_texts("manifests/catalog/actions"), _texts("manifests/catalog/workflows"))


def _built(source: str, image: str) -> str:
    """What kustomize makes of a folder, with `image` in place of the default."""
    repository, _, tag = image.rpartition(":")
    with tempfile.TemporaryDirectory() as parent:
        shutil.copytree(PROJECT / "manifests", Path(parent) / "manifests")
        folder = Path(parent) / source
        path = folder / "kustomization.yaml"
        kustomization = yaml.safe_load(path.read_text())
        kustomization["images"] = [{"name": REPOSITORY, "newName": repository, "newTag": tag}]
        path.write_text(yaml.safe_dump(kustomization, sort_keys=False))
        return run(kubectl(), "kustomize", folder)


def _texts(folder: str) -> str:
    return _joined(*(path.read_text() for path in sorted((PROJECT / folder).glob("*.yaml"))))


def _joined(*texts: str) -> str:
    return "---\n".join(text.strip().removeprefix("---\n") + "\n" for text in texts)
