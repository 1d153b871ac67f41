"""The installed version, and the image of that version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version

IMAGE = "ghcr.io/itechsmart/workflow"


def version() -> str:
    """The distribution's version; 0.0.0 if it runs from a source folder that was never
    installed."""
    try:
        return distribution_version("itechsmart-workflow")
    except PackageNotFoundError:
        return "0.0.0"


def image() -> str:
    """The runner image of this version."""
    return f"{IMAGE}:{version()}"
