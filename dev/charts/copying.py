"""What the chart takes from elsewhere in the project, so that each thing has one source.

Helm reads no file outside a chart, so the chart has copies; its templates adapt them to a release.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "charts/itechsmart-workflow"
FILES = CHART / "files"
SINGLE = {
    "manifests/install/operator-rbac.yaml": "operator-rbac.yaml",
    "manifests/install/user-roles.yaml": "user-roles.yaml",
    "manifests/install/runner-rbac.yaml": "runner-rbac.yaml",
    "manifests/install/policies.yaml": "policies.yaml",
    "manifests/receiver/rbac.yaml": "receiver-rbac.yaml",
    "manifests/recorder/rbac.yaml": "recorder-rbac.yaml",
    "manifests/api-oidc/rbac.yaml": "api-login-rbac.yaml",
    "manifests/webhook/configuration.yaml": "webhook.yaml",
    "manifests/monitoring/alerts.yaml": "alerts.yaml",
    "manifests/monitoring/dashboard.json": "dashboard.json",
}
"""Copies by their source."""
FOLDERS = {
    "crds": "crds",
    "manifests/catalog/actions": "catalogue",
    "manifests/catalog/workflows": "catalogue",
}
"""Folders of copies by the folder of their sources."""


def copies() -> dict[Path, Path]:
    """Each copy's path and its source."""
    found = {FILES / copy: ROOT / source for source, copy in SINGLE.items()}
    for source, copy in FOLDERS.items():
        for path in sorted((ROOT / source).glob("*.yaml")):
            target = FILES / copy / path.name
            if target in found:
                raise ValueError(f"{path} and {found[target]} have one name in the chart")
            found[target] = path
    return found


def stale() -> Iterator[Path]:
    """The copies that are missing, differ from their source, or have none any more."""
    wanted = copies()
    for copy, source in wanted.items():
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            yield copy
    yield from sorted({path for path in FILES.rglob("*") if path.is_file()} - wanted.keys())


def copy() -> list[Path]:
    """Bring every copy up to date; those that were not."""
    wanted = copies()
    changed = list(stale())
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[path].read_bytes())
        else:
            path.unlink()
    return changed
