"""Image archives in OCI's layout, reproducible: the same files give the same digest.

Sources: https://github.com/opencontainers/image-spec (image-layout.md, config.md, manifest.md); the
annotation by which containerd names what it imports: containerd/images/archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MEDIA = "application/vnd.oci.image"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Layer:
    """A layer's tar, uncompressed: its digest is its diff id too."""

    path: Path
    digest: str


def layer(root: Path, path: Path) -> Layer:
    """Write the files under `root` as a layer, owned by root, without times."""
    partial = path.with_suffix(".part")
    with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as tar:
        for entry in sorted(root.rglob("*")):
            info = tar.gettarinfo(str(entry), str(entry.relative_to(root)))
            info.uid = info.gid = info.mtime = 0
            info.uname = info.gname = ""
            if info.isreg():
                with entry.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    partial.replace(path)
    return existing(path)


def existing(path: Path) -> Layer:
    """A layer written before."""
    with path.open("rb") as file:
        return Layer(path, "sha256:" + hashlib.file_digest(file, "sha256").hexdigest())


def write(path: Path, image: str, layers: Sequence[Layer], config: Mapping[str, Any]) -> None:
    """Write an archive that `ctr images import` and buildah take, under the image's name."""
    blobs: dict[str, bytes] = {}

    def blob(content: Any, kind: str) -> dict[str, Any]:
        data = json.dumps(content, sort_keys=True).encode()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"{_MEDIA}.{kind}", "digest": digest, "size": len(data)}

    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    diff_ids = [each.digest for each in layers]
    described = blob(
        {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created_by": each.path.stem} for each in layers],
        },
        "config.v1+json",
    )
    manifest = blob(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": described,
            "layers": [
                {
                    "mediaType": f"{_MEDIA}.layer.v1.tar",
                    "digest": each.digest,
                    "size": each.path.stat().st_size,
                }
                for each in layers
            ],
        },
        "manifest.v1+json",
    )
    named = {
        "io.containerd.image.name": image,
        "org.opencontainers.image.ref.name": image.rpartition(":")[2],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                **manifest,
                "annotations": named,
                "platform": {"architecture": architecture, "os": "linux"},
            }
        ],
    }
    partial = path.with_suffix(".part")
    with tarfile.open(partial, "w") as tar:
        _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add(tar, "index.json", json.dumps(index).encode())
        for digest, data in blobs.items():
            _add(tar, f"blobs/{digest.replace(':', '/')}", data)
        for each in layers:
            info = tarfile.TarInfo(f"blobs/{each.digest.replace(':', '/')}")
            info.size = os.stat(each.path).st_size
            with each.path.open("rb") as file:
                tar.addfile(info, file)
    partial.replace(path)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
