"""A workflow of twelve nodes: branches, a failure that is handled, a retry, outputs passed on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.kube import manifest, workflow

TASK = manifest(
    "Template",
    "task",
    {
        "parameters": [
            {"name": "code", "type": "string", "default": "0"},
            {"name": "message", "type": "string", "default": ""},
            {"name": "delay", "type": "string", "default": "0s"},
        ],
        "outputs": [{"name": "value", "type": "integer"}],
        "permanentExitCodes": [64],
        "action": {
            "image": "example.com/fake:1",
            "env": [
                {"name": "FAKE_EXIT_CODE", "value": "$[[ params.code ]]"},
                {"name": "FAKE_MESSAGE", "value": "$[[ params.message ]]"},
                {"name": "FAKE_DELAY", "value": "$[[ params.delay ]]"},
                {"name": "FAKE_SEQUENCE", "value": "$[[ execution.uid ]]-$[[ node.name ]]"},
            ],
        },
    },
)


def task(name: str, **parameters: str) -> dict[str, Any]:
    """A node that ends as its parameters say."""
    return {"name": name, "action": "local/task", "with": parameters}


TWELVE = workflow(
    "twelve",
    nodes=[
        task("start"),
        task("fetch", message='{"value": 7}'),
        {"name": "big", "condition": "nodes.fetch.outputs.value > 5"},
        task("large", message='{"value": $[[ nodes.fetch.outputs.value + 1 ]]}', delay="200ms"),
        task("small"),
        task("both", message='{"value": $[[ nodes.large.outputs.value * 2 ]]}'),
        {
            **task("flaky", code="1,1,0", message='{"value": 3}'),
            "retry": {"limit": 2, "backoff": {"initial": "200ms", "factor": 1}},
        },
        {**task("broken", code="64", message="it is broken"), "retry": {"limit": 3}},
        task("rescue", message='{"value": 1}'),
        task("never"),
        {"name": "rest", "delay": "300ms"},
        task("report", message='{"value": $[[ nodes.both.outputs.value ]]}'),
    ],
    edges=[
        {"from": "start", "to": "fetch"},
        {"from": "fetch", "to": "big"},
        {"from": "big", "to": "large"},
        {"from": "big", "to": "small", "outcome": "Else"},
        {"from": "large", "to": "both"},
        {"from": "small", "to": "both"},
        {"from": "start", "to": "flaky"},
        {"from": "start", "to": "broken"},
        {"from": "broken", "to": "rescue", "outcome": "Failed"},
        {"from": "broken", "to": "never"},
        {"from": "both", "to": "rest"},
        {"from": "rest", "to": "report"},
        {"from": "rescue", "to": "report"},
    ],
    outputs=[{"name": "total", "value": "nodes.report.outputs.value"}],
)

PHASES = {
    "start": "Succeeded",
    "fetch": "Succeeded",
    "big": "Succeeded",
    "large": "Succeeded",
    "small": "Skipped",
    "both": "Succeeded",
    "flaky": "Succeeded",
    "broken": "Failed",
    "rescue": "Succeeded",
    "never": "Skipped",
    "rest": "Succeeded",
    "report": "Succeeded",
}
ATTEMPTS = {
    "start": 1,
    "fetch": 1,
    "large": 1,
    "both": 1,
    "flaky": 3,
    "broken": 1,
    "rescue": 1,
    "report": 1,
}
JOBS = sum(ATTEMPTS.values())


def jobs_created(audit_log: Path, namespace: str) -> Counter[str]:
    """How often each Job of a namespace was created, by the API server's own record.

    A creation whose client was killed in the middle is on record as a failure (504), whether it
    took effect or not; it did where a later one was told that the Job exists.
    """
    created: Counter[str] = Counter()
    cut: set[str] = set()
    found: set[str] = set()
    for line in audit_log.read_text().splitlines():
        event = json.loads(line)
        reference = event.get("objectRef", {})
        if (
            reference.get("resource") != "jobs"
            or reference.get("subresource")
            or reference.get("namespace") != namespace
            or event.get("verb") not in ("create", "patch", "update")
        ):
            continue
        answer = event.get("responseStatus", {})
        created[reference["name"]] += answer.get("code") == 201
        if answer.get("code", 0) >= 500:
            cut.add(reference["name"])
        if answer.get("reason") == "AlreadyExists":
            found.add(reference["name"])
    for name in cut & found:
        created[name] = created[name] or 1
    return +created
