"""Helm as tests run it against a cluster."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.charts.copying import CHART
from tests.kube import Kubectl


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
            input=stdin, capture_output=True, text=True, timeout=600, env={**os.environ, **own},
        )  # fmt: skip

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Its output; an AssertionError with its words when it fails."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def install(
        self,
        release: str,
        namespace: str,
        values: dict[str, Any],
        *options: str,
        chart: Path = CHART,
    ) -> str:
        """`helm upgrade --install` of the chart, on a cluster in which no pod really runs.

        So without `--wait`, and without the Job that waits for the API server to serve the kinds
        of the catalogue: where it does not yet, the command is repeated.
        """
        arguments = (
            "upgrade", "--install", release, str(chart), f"--namespace={namespace}",
            "--values=-", *options,
        )  # fmt: skip
        waiting = {"wait": False} if "wait:" in _catalogue(chart) else {}
        given = {**values, "catalogue": {**values.get("catalogue", {}), **waiting}}
        first = self.attempt(*arguments, stdin=json.dumps(given))
        if first.returncode != 0 and "no matches for kind" not in first.stderr:
            raise AssertionError(f"helm {' '.join(arguments)}: {first.stderr}")
        if first.returncode == 0:
            return first.stdout
        return self(*arguments, stdin=json.dumps(given))

    def uninstall(self, release: str, namespace: str) -> str:
        """`helm uninstall`, until everything is deleted; an AssertionError also has the conditions
        of the definitions that are not."""
        done = self.attempt(
            "uninstall", release, f"--namespace={namespace}", "--wait", "--timeout=8m"
        )
        if done.returncode != 0:
            conditions = (
                "jsonpath={range .items[*]}{.metadata.name}: {.status.conditions}{'\\n'}{end}"
            )
            left = Kubectl(self.kubeconfig).attempt("get", "crd", "-o", conditions)
            raise AssertionError(f"helm uninstall {release}: {done.stderr}\n{left.stdout}")
        return done.stdout


def _catalogue(chart: Path) -> str:
    """The values of the catalogue in a chart, which may be an earlier one."""
    return (chart / "values.yaml").read_text().partition("\ncatalogue:")[2].partition("\n\n")[0]
