"""The lifecycle of an incident, with the same outputs from every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LINK = {"title": "Graph", "url": "https://graphs.example.com/1"}
Attempt = Callable[..., dict[str, Any]]
"""Runs an action as an attempt of the node that `node` names, and returns its outputs."""


def run_lifecycle(attempt: Attempt, assignee: str, escalation: str) -> str:
    """Open, change and resolve an incident, each action twice as with a retry; returns its name."""

    def twice(action: str, repeated: bool | None = True, **parameters: Any) -> dict[str, Any]:
        node = f"{action} {len(parameters)}"
        first = attempt(action, node=node, **parameters)
        again = attempt(action, node=node, **parameters)
        if repeated is not None:
            assert (first.get("repeated"), again.get("repeated")) == (False, repeated), action
        return {name: value for name, value in first.items() if name not in ("url", "repeated")}

    def opened(node: str, **parameters: Any) -> tuple[str, bool]:
        outputs = attempt("incident-create", node=node, **parameters)
        assert outputs["state"] == "Open"
        return outputs["name"], outputs["created"]

    wanted = {"title": "payments is down", "severity": "High", "summary": "503", "links": [LINK]}
    name, created = opened("open", **wanted)
    assert created
    assert opened("open", **wanted) == (name, True), "a retry finds what it opened"
    assert twice("incident-assign", name=name, assignee=assignee, acknowledge=True) == {
        "name": name,
        "assignee": assignee,
        "state": "Acknowledged",
    }
    assert twice("incident-escalate", name=name, escalation=escalation, severity="High") == {
        "name": name,
        "escalation": escalation,
        "state": "Acknowledged",
        "severity": "High",
    }
    noted = twice("incident-note", name=name, text="The cache is being cleared.")
    assert noted == {"name": name, "state": "Acknowledged"}
    assert twice("incident-update", repeated=None, name=name, title="x", severity="Low") == {
        "name": name,
        "state": "Acknowledged",
        "severity": "Low",
        "changed": ["severity", "title"],
    }
    assert attempt("incident-update", node="same", name=name, title="x")["changed"] == []
    resolved = twice("incident-resolve", name=name, summary="The cache was full.")
    assert resolved == {"name": name, "state": "Resolved"}
    return name
