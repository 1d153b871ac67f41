"""Argo CD's and Flux' own packages, in a small program in Go that is built once."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.gitops import CONFIGURATION, ROOT, program

APP = "operations"
"""The Application that the objects of tests belong to."""
TRACKING = ("label", "annotation", "annotation+label")
"""Argo CD's ways to mark what belongs to an Application."""


def ask(question: str, **request: Any) -> Any:
    """The answer to a question, see main.go; an AssertionError with its error."""
    done = _run(question, request)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(question: str, **request: Any) -> str:
    """The error that a question leads to."""
    done = _run(question, request)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip()


def starting(question: str, **request: Any) -> subprocess.Popen[str]:
    """The program at work on a question, for what takes a while."""
    process = subprocess.Popen(
        [program(), question], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(request))
    process.stdin.close()
    return process


@cache
def settings() -> dict[str, str]:
    """The data of argocd-cm with our health checks and actions."""
    data: dict[str, str] = yaml.safe_load(CONFIGURATION.read_text())["data"]
    return data


@cache
def expressions() -> list[dict[str, str]]:
    """The healthCheckExprs of our Kustomizations."""
    patch = yaml.safe_load((ROOT / "manifests/gitops/flux/health-checks.yaml").read_text())
    found: list[dict[str, str]] = patch["spec"]["healthCheckExprs"]
    return found


def manifests_of(folder: Path) -> list[dict[str, Any]]:
    """The manifests of a folder of YAML files, in the order of the files."""
    return [
        each
        for file in sorted(folder.glob("*.yaml"))
        for each in yaml.safe_load_all(file.read_text())
    ]


def _run(question: str, request: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(), question],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=120,
    )
