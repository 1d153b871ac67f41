"""The shipped actions, in the catalogue's order.

An action is one file in the folder of its category, named after the action and defining ACTION, and
one line here. A file is imported only when its action is used, so that pods start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from orchestrator.actions.action import Action

CATEGORIES = {
    "incident-create": "incident",
    "incident-update": "incident",
    "incident-resolve": "incident",
    "rollout-restart": "kubernetes",
    "rollout-status": "kubernetes",
    "rollout-undo": "kubernetes",
    "pod-logs": "kubernetes",
    "describe-events": "kubernetes",
    "slack-message": "notify",
    "run-script": "infrastructure",
    "http-request": "data",
}
"""The category of each action."""

NAMES = tuple(CATEGORIES)


def load(name: str) -> Action[Any, Any]:
    """The action of that name, one of NAMES."""
    file = name.replace("-", "_")
    action: Action[Any, Any] = import_module(
        f"orchestrator.actions.{CATEGORIES[name]}.{file}"
    ).ACTION
    return action


def every() -> tuple[Action[Any, Any], ...]:
    """All shipped actions."""
    return tuple(load(name) for name in NAMES)
