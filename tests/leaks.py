"""Finds planted secrets where no secret may be: logs, outputs, termination messages, objects.

A value is found as it is, in base64 at any offset, and URL-encoded, since the marker of planted
values has no character that would be encoded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dev.cluster.api import Cluster
from tests.planted import MARKER

MAX_SHOWN = 20
"""Leaks that a message shows."""
AROUND = 80
"""Bytes that are shown before a leak."""
_KEY = re.compile(rb"\n([\x01-\x7f]|[\x80-\xff]\x01)(?=/registry/)")
"""Where a key begins in etcd's log: the field's tag, and its length as a varint."""
_SECRETS = b"/registry/secrets/"
_CHUNK, _OVERLAP = 16 * 1024 * 1024, 64
"""Bytes that are read at a time, and that are searched again with the next ones."""
_MAX_OBJECT = 2_000_000
"""Bytes of the largest object, before which its key is looked for."""
_REPORTS = re.compile(r"(.*\.)?log|outputs|out")
"""Names of files that actions and programs of the tests report into."""


def _forms() -> Iterator[bytes]:
    """The marker, and the parts of its base64 that are the same within any longer value."""
    marker = MARKER.encode()
    yield marker
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + marker).rstrip(b"=")
        first, last = -(-before * 8 // 6), (before + len(marker)) * 8 // 6
        piece = encoded[first:last]
        yield piece
        yield piece.translate(bytes.maketrans(b"+/", b"-_"))


PATTERN = re.compile(b"|".join(map(re.escape, dict.fromkeys(_forms()))))


def in_text(text: str) -> bool:
    """Whether a text contains a planted secret."""
    return PATTERN.search(text.encode(errors="replace")) is not None


def refuse(what: str, text: str) -> None:
    """Raise AssertionError if a text contains a planted secret."""
    assert not in_text(text), f"{what} contains a planted secret: {text[:2000]}"


def in_files(paths: Iterable[Path]) -> list[str]:
    """A line for each file with a planted secret."""
    return [f"{path}: {_shown(path, places[0])}" for path in paths if (places := _places(path))]


def of_reports(folder: Path) -> list[str]:
    """Leaks in what actions and programs of the tests have reported into files of a folder."""
    files = (path for path in folder.rglob("*") if _REPORTS.fullmatch(path.name))
    return in_files(path for path in files if path.is_file() and not path.is_symlink())


def of_cluster(cluster: Cluster) -> list[str]:
    """Leaks in a cluster: the logs of its components and pods, the audit log, and the objects that
    etcd has or had, Secrets aside.

    etcd is read by its write-ahead log, which has every object that was ever stored behind its key.
    In the pages of its database a part of a deleted Secret can stand behind the key of another
    object.
    """
    logs = [path for name in ("logs", "pod-logs") for path in (cluster.state / name).rglob("*")]
    found = in_files(path for path in [*logs, cluster.audit_log] if path.is_file())
    for path in (cluster.state / "etcd" / "member" / "wal").glob("*.wal"):
        found += [
            f"etcd, {key.decode(errors='replace')}: {_shown(path, place)}"
            for place in _places(path)
            if not (key := _key(path, place)).startswith(_SECRETS)
        ]
    return found


def check(found: list[str]) -> None:
    """Raise AssertionError that lists leaks, if there are any."""
    lines = "\n".join(dict.fromkeys(found[:MAX_SHOWN]))
    assert not found, f"{len(found)} planted secrets are where none may be:\n{lines}"


def _places(path: Path) -> list[int]:
    """Where a file has planted secrets."""
    found: set[int] = set()
    begin, data = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            data += chunk
            found |= {begin + match.start() for match in PATTERN.finditer(data)}
            begin += max(0, len(data) - _OVERLAP)
            data = data[-_OVERLAP:]
    return sorted(found)


def _key(path: Path, place: int) -> bytes:
    """The key of the object in a file of etcd, which is stored before the object."""
    with path.open("rb") as file:
        begin = max(0, place - _MAX_OBJECT)
        file.seek(begin)
        before = file.read(place - begin)
    found = b""
    for match in _KEY.finditer(before):
        first, *more = match[1]
        length = first % 128 + 128 * sum(more)
        key = before[match.end() : match.end() + length]
        if len(key) == length:
            found = key
    return found


def _shown(path: Path, place: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, place - AROUND))
        text = file.read(AROUND + 60).decode(errors="replace")
    return "".join(char if char.isprintable() else " " for char in text)
