"""Lists the files of a volume, without leaving it: symbolic links are not followed, anywhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.triggers.types.file_watch import Found

PAGE = 1000
MAX_FOLDERS = 32
"""Maximum depth of folders that are read."""
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def pages(volume: Path, folder: str) -> Iterator[list[Found]]:
    """The files in a folder of a volume and in those below, some at a time.

    Blocks. Raises SourceError if the folder cannot be read. `folder` ends with a slash, or is
    empty.
    """
    page: list[Found] = []
    try:
        top = os.open(volume, _FLAGS & ~os.O_NOFOLLOW)
        try:
            for name in folder.split("/")[:-1]:
                inner = os.open(name, _FLAGS, dir_fd=top)
                os.close(top)
                top = inner
            for found in _files(top, folder, 0):
                page.append(found)
                if len(page) == PAGE:
                    yield page
                    page = []
        finally:
            os.close(top)
    except OSError as error:
        where = f"/{folder.rstrip('/')}" if folder else "the volume"
        raise SourceError(f"{where} cannot be read: {error.strerror}") from error
    if page:
        yield page


def _files(folder: int, path: str, depth: int) -> Iterator[Found]:
    """The files of an open folder; what disappears meanwhile is left out."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            yield _found(path + name, found)
        elif stat.S_ISDIR(found.st_mode) and depth < MAX_FOLDERS:
            try:
                inner = os.open(name, _FLAGS, dir_fd=folder)
            except OSError:
                continue
            try:
                yield from _files(inner, f"{path}{name}/", depth + 1)
            finally:
                os.close(inner)


def _found(path: str, status: os.stat_result) -> Found:
    """A file. That it was moved here, or got its content, changes st_ctime, which no one can set;
    st_mtime can be older than the file is here."""
    key = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    version = f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
    return Found(key, status.st_size, status.st_mtime, version, status.st_ctime)
