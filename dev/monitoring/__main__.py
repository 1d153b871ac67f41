"""`python -m dev.monitoring` writes what is generated in manifests/monitoring; `--check` says which
files are not up to date, and which alerts have no section in the reference."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from dev.monitoring.dashboard import dashboard

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "manifests" / "monitoring"
ALERTS = FOLDER / "alerts.yaml"
RUNBOOKS = Path("docs/reference/alerts.md")
_HEAD = """\
# The alerts of alerts.yaml for the Prometheus Operator. `make generate` writes this file.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: itechsmart-workflow
  labels: {app.kubernetes.io/part-of: itechsmart-workflow}
spec:
"""


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    return {
        FOLDER / "dashboard.json": json.dumps(dashboard(), indent=2) + "\n",
        FOLDER / "prometheusrule.yaml": prometheus_rule(ALERTS.read_text(encoding="utf-8")),
    }


def prometheus_rule(alerts: str) -> str:
    """The rule file as a PrometheusRule: its groups as they are written, without its comment."""
    groups = alerts[alerts.index("groups:") :]
    lines = (f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True))
    return _HEAD + "".join(lines)


def rules(alerts: str) -> list[dict[str, Any]]:
    """The alerts of a rule file."""
    groups = yaml.safe_load(alerts)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def without_runbook(alerts: str, runbooks: str) -> list[str]:
    """What is wrong with the sections of the alerts, one line each."""
    sections = {line[3:].strip() for line in runbooks.splitlines() if line.startswith("## ")}
    found = []
    for rule in rules(alerts):
        name = rule["alert"]
        if name not in sections:
            found.append(f"{RUNBOOKS} has no section {name}")
        if rule["annotations"].get("runbook") != f"{RUNBOOKS}#{name.lower()}":
            found.append(f"{name}: annotations.runbook must be {RUNBOOKS}#{name.lower()}")
    known = {rule["alert"] for rule in rules(alerts)}
    stale = sorted(name for name in sections - known if name.startswith("Workflow"))
    return [*found, *(f"{RUNBOOKS}: there is no alert {name}" for name in stale)]


def main() -> int:
    """Write the files, or with --check compare them; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m dev.monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    check: bool = parser.parse_args().check
    runbooks = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
    wrong = without_runbook(ALERTS.read_text(encoding="utf-8"), runbooks)
    for path, text in files().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            wrong.append(f"{path} is not up to date: run `make generate`")
        else:
            path.write_text(text, encoding="utf-8")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
