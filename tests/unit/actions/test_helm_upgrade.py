"""helm-upgrade, a Template written as YAML alone: where it sends the password.

A program in the place of Helm records how it is called, and what it reads.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from orchestrator.actions.manifest import handwritten

PERMANENT = 65
HELM = """#!/bin/sh
case $1 in
history)
  [ -e "$FOLDER/upgraded" ] || { echo 'Error: release: not found' >&2; exit 1; }
  printf -- '- revision: 1\\n  status: deployed\\n  chart: shop-1.0\\n' ;;
upgrade) touch "$FOLDER/upgraded" ;;
*) echo "$* < $(cat)" >> "$FOLDER/calls" ;;
esac
"""
REPOSITORY, OTHER = "https://charts.example.com", "oci://elsewhere.example.net/charts/shop"


def upgrade(folder: Path, **parameters: str) -> tuple[int, str, str]:
    """The exit code, what the script leaves, and the calls of Helm that get a password."""
    program, outputs, calls = folder / "helm", folder / "outputs", folder / "calls"
    program.write_text(HELM)
    program.chmod(0o755)
    given = {
        "release": "shop", "username": "u", "password": "secret", "atomic": "true", "wait": "true",
        "timeout": "10m", **parameters,
    }  # fmt: skip
    environ = {
        "PATH": f"{folder}:{os.environ['PATH']}", "FOLDER": str(folder), "OUTPUTS": str(outputs),
        "KEY": "u1/upgrade/0", "NAMESPACE": "shop",
        **{f"PARAM_{name.upper()}": text for name, text in given.items()},
    }  # fmt: skip
    source = yaml.safe_load(handwritten()["helm-upgrade"])["spec"]["action"]["script"]["source"]
    code = subprocess.run(["sh", "-c", source], env=environ, check=False).returncode
    return code, outputs.read_text(), calls.read_text() if calls.exists() else ""


@pytest.mark.parametrize(
    ("parameters", "call"),
    [
        (
            {"chart": "shop", "repository": REPOSITORY},
            f"repo add source {REPOSITORY} --username u --password-stdin < secret\n",
        ),
        (
            {"chart": OTHER},
            "registry login elsewhere.example.net --username u --password-stdin < secret\n",
        ),
    ],
)
def test_the_password_is_for_the_repository_or_the_registry_of_the_chart(
    tmp_path: Path, parameters: dict[str, str], call: str
) -> None:
    code, _, calls = upgrade(tmp_path, **parameters)
    assert (code, calls) == (0, call)


def test_a_chart_of_a_registry_does_not_get_the_password_of_the_repository(tmp_path: Path) -> None:
    """The chart may be the value of a variable, the repository that of the author."""
    code, message, calls = upgrade(tmp_path, chart=OTHER, repository=REPOSITORY)
    assert (code, calls) == (PERMANENT, "")
    assert message == f"chart {OTHER} is in a registry, and repository is set: set one of them\n"
