"""The shipped actions, in the catalogue's order. A new one is a value in its category's file and a
line here. No module is imported before one of its actions is asked for: a small pod starts fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from orchestrator.actions.action import Action

_MODULES = {
    "incident-create": "incident",
    "incident-update": "incident",
    "incident-resolve": "incident",
    "rollout-restart": "kubernetes",
    "rollout-status": "kubernetes",
    "pod-logs": "diagnostics",
    "describe-events": "diagnostics",
    "slack-message": "notify",
    "run-script": "infrastructure",
    "http-request": "data",
}
"""The module of each action, which holds it as a constant: run-script is RUN_SCRIPT."""

NAMES = tuple(_MODULES)


def load(name: str) -> Action[Any, Any]:
    """The action of that name, one of NAMES."""
    module = import_module(f"orchestrator.actions.{_MODULES[name]}")
    action: Action[Any, Any] = getattr(module, name.upper().replace("-", "_"))
    return action


def every() -> tuple[Action[Any, Any], ...]:
    """All shipped actions."""
    return tuple(load(name) for name in NAMES)
