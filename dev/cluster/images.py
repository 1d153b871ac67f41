"""Images without Docker: an OCI layout in a tar file, and the two that a bare cluster needs."""

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev.cluster.configuration import PAUSE_IMAGE
from dev.cluster.errors import ClusterError
from dev.cluster.layout import Layout
from dev.cluster.shell import run, which

BUSYBOX_IMAGE = "localhost/busybox:dev"

_OCI = "application/vnd.oci.image"


def import_image(layout: Layout, tar: Path) -> None:
    """Import an OCI or Docker archive; pods find it under the name it has inside."""
    if not tar.exists():
        raise ClusterError(f"{tar} does not exist: build the image first")
    ctr(layout, "images", "import", str(tar))


def ctr(layout: Layout, *arguments: str, check: bool = True) -> str:
    """containerd's own client, on this instance."""
    return run("ctr", "--address", layout.socket, "--namespace", "k8s.io", *arguments, check=check)


def import_base_images(layout: Layout) -> None:
    """The image that holds a pod together, and a busybox to try things with."""
    tar = layout.root / "base-images.tar"
    with tarfile.open(tar, "w") as archive:
        write_oci(archive, _busybox_layer(), {
            PAUSE_IMAGE: {"Entrypoint": ["/bin/busybox", "sleep", "2147483647"]},
            BUSYBOX_IMAGE: {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
        })  # fmt: skip
    import_image(layout, tar)
    tar.unlink()


def write_oci(archive: tarfile.TarFile, layer: bytes, images: Mapping[str, dict[str, Any]]) -> None:
    """Write images that share one layer (an uncompressed tar), by name with their `config`.

    See the OCI image specification, image-layout.md.
    """
    packed = gzip.compress(layer, mtime=0)
    manifests = []
    blobs = [packed]
    for name, config in images.items():
        image = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine()),
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
        settings = _encode(image)
        manifest = _encode({
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", settings),
            "layers": [_descriptor("layer.v1.tar+gzip", packed)],
        })  # fmt: skip
        blobs += [settings, manifest]
        named = {"annotations": {"io.containerd.image.name": name}}
        manifests.append({**_descriptor("manifest.v1+json", manifest), **named})
    _add(archive, "oci-layout", _encode({"imageLayoutVersion": "1.0.0"}))
    _add(archive, "index.json", _encode({"schemaVersion": 2, "manifests": manifests}))
    for blob in blobs:
        _add(archive, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)


def _busybox_layer() -> bytes:
    busybox = which("busybox")
    assert busybox is not None, "busybox-static is among the required packages"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        with open(busybox, "rb") as program:
            entry = tarfile.TarInfo("bin/busybox")
            entry.size, entry.mode = os.fstat(program.fileno()).st_size, 0o755
            layer.addfile(entry, program)
        for applet in sorted(set(run(busybox, "--list").split()) - {"busybox"}):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(link)
    return buffer.getvalue()


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _descriptor(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
