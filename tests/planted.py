"""Planted secrets: every value contains a marker by which a leak is found."""

from __future__ import annotations

import hashlib

MARKER = "Pl4ntedS3cret"


def planted(name: str, prefix: str = "") -> str:
    """A secret value, the same in every process; the rest after the prefix is alphanumeric."""
    return f"{prefix}{MARKER}{hashlib.sha256(name.encode()).hexdigest()[:12]}"
