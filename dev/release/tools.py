"""Programs for releases, built from their Go modules once and kept."""

from __future__ import annotations

from pathlib import Path

from dev.gotools import Tool

_MODULES = Path(__file__).parent / "modules"

SYFT = Tool("syft", "github.com/anchore/syft/cmd/syft", _MODULES / "syft")
ACTIONLINT = Tool(
    "actionlint", "github.com/rhysd/actionlint/cmd/actionlint", _MODULES / "actionlint"
)
