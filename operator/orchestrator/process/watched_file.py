"""A value in a file, such as of a mounted Secret, that may change while the process runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
Stamp = tuple[tuple[int, int, int], ...]
logger = logging.getLogger(__name__)


def stamp_of(*paths: Path) -> Stamp:
    """Changes when a file is replaced, also by a link to another. Raises OSError."""
    found = (path.stat() for path in paths)
    return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


class WatchedFile(Generic[T]):
    """What a file says. Raises OSError if it cannot be read, ValueError if that is of no use."""

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        """`parse` raises ValueError, whose message must not contain the text."""
        self._path = path
        self._parse = parse
        self._stamp: Stamp | None = stamp_of(path)
        self._value = self._read()

    def __call__(self) -> T:
        """The value as the file has it now; the last one while the file has none."""
        try:
            stamp = stamp_of(self._path)
        except OSError as error:
            if self._stamp is not None:  # report it once, not with every use
                self._stamp = None
                logger.warning("%s: %s; the last value stays", self._path, error.strerror)
            return self._value
        if stamp != self._stamp:
            # Before it is read: what changes meanwhile has another stamp, and is read next time.
            self._stamp = stamp
            self._reload()
        return self._value

    def _reload(self) -> None:
        try:
            self._value = self._read()
        except OSError as error:
            self._stamp = None
            logger.warning("%s: %s; the last value stays", self._path, error.strerror)
        except UnicodeDecodeError:
            logger.warning("%s: not text; the last value stays", self._path)
        except ValueError as error:
            logger.warning("%s: %s; the last value stays", self._path, error)
        else:
            logger.info("%s has changed, and is used", self._path)

    def _read(self) -> T:
        return self._parse(self._path.read_text(encoding="utf-8"))
