"""What is generated from the chart: its README, and a snapshot of its default rendering."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from dev.charts.copying import CHART, ROOT
from dev.charts.tools import HELM3, HELM_DOCS
from dev.cluster.building import KUBERNETES
from dev.cluster.errors import ClusterError

SNAPSHOT = ROOT / "tests/charts/default.yaml"
"""The default rendering, without what other tests compare with its sources."""
README = CHART / "README.md"
COPIED = ("crds", "catalogue", "roles", "policies", "operator/rbac")
"""The templates whose objects come from files of the chart."""
_SOURCES = ("Chart.yaml", "values.yaml", "README.md.gotmpl")


def generate() -> list[Path]:
    """Bring the generated files up to date; those that were not."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = {README: readme(Path(folder)), SNAPSHOT: snapshot()}
    changed = [path for path, text in wanted.items() if _read(path) != text]
    for path in changed:
        path.write_text(wanted[path])
    return changed


def readme(folder: Path) -> str:
    """What helm-docs makes of the values, in a scratch folder. Raises ClusterError."""
    chart = folder / CHART.name
    chart.mkdir()
    for name in _SOURCES:
        shutil.copy(CHART / name, chart / name)
    _run([str(HELM_DOCS.path()), "--chart-search-root", str(folder), "--sort-values-order=file"])
    return (chart / README.name).read_text()


def snapshot() -> str:
    """The default rendering by Helm 3. Raises ClusterError."""
    name = CHART.name
    command = [
        str(HELM3.path()), "template", name, str(CHART), f"--namespace={name}",
        f"--kube-version={KUBERNETES}",
    ]  # fmt: skip
    start = f"# Source: {name}/templates/"
    skipped = tuple(f"{start}{template}.yaml" for template in COPIED)
    documents = _run(command).removeprefix("---\n").split("\n---\n")
    return "---\n" + "\n---\n".join(text for text in documents if not text.startswith(skipped))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"{Path(command[0]).name}: {done.stderr.strip()}")
    return done.stdout


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
