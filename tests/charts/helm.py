"""Helm as tests run it against a cluster."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.charts.copying import CHART


@dataclass(frozen=True)
class Helm:
    """A Helm and the cluster that it installs into."""

    program: Path
    kubeconfig: Path
    home: Path
    """A folder for what it caches."""

    def attempt(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it whatever comes of it."""
        own = {"KUBECONFIG": str(self.kubeconfig)}
        own |= {f"HELM_{name}_HOME": str(self.home) for name in ("CACHE", "CONFIG", "DATA")}
        return subprocess.run(
            [str(self.program), *arguments],
            input=stdin, capture_output=True, text=True, timeout=300, env={**os.environ, **own},
        )  # fmt: skip

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Its output; an AssertionError with its words when it fails."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def install(self, release: str, namespace: str, values: dict[str, Any], *options: str) -> str:
        """`helm upgrade --install` of the chart.

        Without `--wait`, as no pods run there. The API server may then not serve the new kinds yet
        when the catalogue is created; the guide says to repeat the command.
        """
        arguments = (
            "upgrade", "--install", release, str(CHART), f"--namespace={namespace}",
            "--values=-", *options,
        )  # fmt: skip
        first = self.attempt(*arguments, stdin=json.dumps(values))
        if first.returncode != 0 and "no matches for kind" not in first.stderr:
            raise AssertionError(f"helm {' '.join(arguments)}: {first.stderr}")
        if first.returncode == 0:
            return first.stdout
        return self(*arguments, stdin=json.dumps(values))

    def uninstall(self, release: str, namespace: str) -> str:
        """`helm uninstall`, until everything is deleted."""
        return self("uninstall", release, f"--namespace={namespace}", "--wait", "--timeout=2m")
