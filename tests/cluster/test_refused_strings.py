"""Strings that no field takes: the API server's message in CEL is the validator's in Python."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.lint import SPECS
from orchestrator.validation.parse import parse
from tests.kube import Kubectl, manifest

NAMES = [
    "check-db", "Check", "CHECK_DB", "CheckDb", "2nd-item", "a.b", "check!", "prüfung", "--", "",
    "ä", "it's", "a\\b", 'a"b', "a\nb", "a\tb", "a\u202eb", "a\u200bb", "\u4e2d", "a b/c", "a%s",
]  # fmt: skip
DURATIONS = [
    "30", "1.5", " 5 ", "5 min", "1 hour 30 minutes", "1h, 5 secs", "PT1H30M", "30S", " 500 ms ",
    "500 milliseconds", "3 hrs", "10 msecs", "2 days", "1w", "5 fortnights", "soon", "", "'5m'",
]  # fmt: skip
OUTCOMES = [
    "Success", "succeeded", "FAIL", "on-failure", "on failure", "Faild", "Never", "", "'", "x" * 63,
]  # fmt: skip
SIZES = ["10GB", "1 GiB", "500mb", "5KB", "5 k", "x", "", "1.5 ti", "-1"]
OBJECTS = ["A_b", "a b", "-x-", "Über", "a" * 79 + "_", "it's", "..."]
ENVIRONMENT = ["a-b", "1A", "a.b c", "é", "="]


def _workflow(nodes: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    ready = {"name": "a", "delay": "1s"}
    return manifest("Workflow", "wrong", {"nodes": [ready, *nodes], **spec})


def _node(number: int, **fields: Any) -> dict[str, Any]:
    return {"name": f"n{number}", "action": "http-request", **fields}


def _template(**action: Any) -> dict[str, Any]:
    return manifest("Template", "wrong", {"action": {"image": "x", **action}})


MANIFESTS = {
    "names": _workflow([{"name": name, "delay": "1s"} for name in NAMES]),
    "durations": _workflow([_node(at, timeout=each) for at, each in enumerate(DURATIONS)]),
    "outcomes": _workflow(
        [_node(at) for at, _ in enumerate(OUTCOMES)],
        edges=[{"from": "a", "to": f"n{at}", "outcome": each} for at, each in enumerate(OUTCOMES)],
    ),
    "sub-workflows": _workflow(
        [{"name": f"n{at}", "workflow": {"name": each}} for at, each in enumerate(OBJECTS[:4])]
    ),
    "quantities": _template(
        volumes=[
            {"name": f"v{at}", "mountPath": f"/v{at}", "emptyDir": {"sizeLimit": size}}
            for at, size in enumerate(SIZES)
        ]
    ),
    "objects": _template(envFrom=[{"secretRef": {"name": name}} for name in OBJECTS]),
    "environment": _template(env=[{"name": name, "value": "x"} for name in ENVIRONMENT]),
    "choices": _template(
        imagePullPolicy="sometimes",
        volumes=[
            {"name": "A_b", "mountPath": "data", "emptyDir": {}},
            {"name": "c", "mountPath": "/a:b"},
        ],
    ),
    "a trigger": manifest(
        "Trigger",
        "wrong",
        {"workflow": "A_b", "schedule": {"cron": "0 3 * * *", "jitter": "1 minute"}},
    ),
    "phases": manifest("Trigger", "wrong", {"workflow": "w", "execution": {"phases": ["Done"]}}),
    "an incident": manifest(
        "Incident", "wrong", {"title": "t", "severity": "p1", "state": "Closed"}
    ),
}


@pytest.mark.parametrize("which", MANIFESTS)
def test_the_api_server_refuses_a_string_in_the_words_of_the_validator(
    kubectl: Kubectl, which: str
) -> None:
    raw = MANIFESTS[which]
    problems = parse(SPECS[raw["kind"]], raw["spec"])
    assert isinstance(problems, list)
    refused = kubectl.attempt("apply", "--server-side", "-f", "-", stdin=json.dumps(raw))
    assert refused.returncode != 0
    for problem in problems:
        assert any(
            f"{problem.path}: Invalid value: " in line and line.endswith(f": {problem.message}")
            for line in refused.stderr.splitlines()
        ), problem
