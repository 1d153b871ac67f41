"""A Go program with the packages of Argo CD and Flux, built once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.gitops import CONFIGURATION, ROOT, program

APP = "operations"
"""The Application that the objects of tests belong to."""


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


@contextmanager
def asking(question: str, **request: Any) -> Iterator[Callable[[], Any]]:
    """Start a long request to the program; call the result for the response."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, question, **request)
        yield answer.result


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
        timeout=300,
    )
