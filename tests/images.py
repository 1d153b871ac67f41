"""An image with programs of this machine, for nodes that cannot pull the published image."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from dev.cluster.images import write_oci

_LIBRARY = re.compile(r"(/\S+) \(0x")
"""A library in what ldd prints."""
_TAG = re.compile(r":[^:/@]+(?=@)")


def write_image(archive: Path, image: str, programs: Iterable[str | Path]) -> None:
    """Write an archive with an image of programs and of the libraries that they are linked with.

    The programs are in /usr/bin. Where `image` has a tag and a digest, the node knows it by the
    digest, as if it had been pulled.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as layer:
        links = {"bin": "usr/bin"}
        for folder, target in links.items():
            link = tarfile.TarInfo(folder)
            link.type, link.linkname = tarfile.SYMTYPE, target
            layer.addfile(link)
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        layer.addfile(temporary)
        paths = [_found(program) for program in programs]
        for path in paths:
            layer.add(path, f"usr/bin/{path.name}")
        for library in sorted(_libraries(paths)):
            layer.add(library, library.removeprefix("/"))
    config = {"Env": ["PATH=/usr/bin"], "Cmd": ["/bin/sh"]}
    with tarfile.open(archive, "w") as written:
        write_oci(written, buffer.getvalue(), {_TAG.sub("", image): config})


def _found(program: str | Path) -> Path:
    path = shutil.which(program)
    assert path is not None, f"{program} is missing"
    return Path(path)


def _libraries(programs: Iterable[Path]) -> set[str]:
    """The paths of all libraries, as the programs look for them."""
    done = subprocess.run(
        ["ldd", *map(str, programs)], stdout=subprocess.PIPE, text=True, check=False
    )
    return set(_LIBRARY.findall(done.stdout))
