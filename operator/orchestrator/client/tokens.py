"""Tokens that are replaced while a client is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def token_of_file(path: str | Path) -> Callable[[], str]:
    """The token in a file, read for each request, such as a pod's own, which the kubelet rotates.

    Raises OSError where the file cannot be read.
    """
    return Path(path).read_text
