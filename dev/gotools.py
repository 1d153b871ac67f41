"""Programs of other projects, built from the Go modules that pin them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dev.cluster.building import built


@dataclass(frozen=True)
class Tool:
    """A program of a Go module; go.mod and go.sum pin what goes into it."""

    name: str
    package: str
    module: Path
    """The folder of go.mod, which names the package as a tool, and go.sum."""
    variables: tuple[str, ...] = ()
    """What the linker sets, as `package.variable=value`."""

    def path(self) -> Path:
        """The built program; builds it first (some minutes) when its module changed."""
        return built(self.name, self.module, self._link, self.package)

    @property
    def _link(self) -> str:
        return " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])
