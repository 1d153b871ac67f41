"""The product in other versions: an earlier one, and one with a field more than this one.

The earlier one is a commit that is kept as version 0.1.0, until a version is released.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.kube import ROOT

EARLIER = Path(__file__).parent / "version-0.1.0.tar.xz"
"""The operator and the chart of an earlier commit, by `git archive`."""
CHART = "charts/itechsmart-workflow"
_TITLE = '    title: Line = ""\n'
_OWNER = '    owner: Line = ""\n    """Who answers for it."""\n'


@dataclass(frozen=True)
class Version:
    """A version's folder, as a checkout has it."""

    name: str
    root: Path

    @property
    def chart(self) -> Path:
        """Its chart."""
        return self.root / CHART

    @property
    def source(self) -> Path:
        """The folder of its code."""
        return self.root / "operator"


CURRENT = Version("current", ROOT)


def earlier(folder: Path) -> Version:
    """The version in the archive EARLIER."""
    with tarfile.open(EARLIER) as archive:
        archive.extractall(folder / "earlier", filter="data")
    return Version("earlier", folder / "earlier")


def later(folder: Path) -> Version:
    """This version, with a field `owner` in the spec of a Workflow."""
    version = Version("later", folder / "later")
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("operator", CHART):
        shutil.copytree(ROOT / part, version.root / part, ignore=ignored)
    models = version.source / "orchestrator" / "models" / "workflow.py"
    before, title, after = models.read_text().rpartition(_TITLE)
    assert title, f"{models} has no field title"
    models.write_text(before + _OWNER + title + after)
    crds = version.chart / "files" / "crds"
    subprocess.run(
        [sys.executable, "-m", "orchestrator.crds", str(crds)],
        env={**os.environ, "PYTHONPATH": str(version.source)},
        check=True,
    )
    assert "owner:" in (crds / "workflows.yaml").read_text()
    return version
