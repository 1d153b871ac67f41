"""Mistakes and refusals, in one line each."""

from __future__ import annotations

import sys


class UsageError(Exception):
    """Something the user can mend: what was wrong, and what would be right."""


def fail(error: UsageError) -> int:
    """Say it; the exit code for a mistake."""
    print(f"error: {error}", file=sys.stderr)
    return 2
