"""Helm 3 and Helm 4 of the versions that the project pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.charts.tools import HELM3, HELM4
from dev.gotools import Tool
from tests.charts.rendering import Release


@pytest.fixture(scope="session", params=[HELM3, HELM4], ids=lambda tool: tool.name)
def helm(request: pytest.FixtureRequest) -> Path:
    """Each Helm in turn."""
    tool: Tool = request.param
    return tool.path()


@pytest.fixture(scope="session")
def release(helm: Path) -> Release:
    """A release as the documentation installs it."""
    return Release(helm)
