"""The Kubernetes rights that the routes of the REST API take, as the tests check them: with all of
a route's rights it answers, and without any one of them it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping

OPEN = frozenset({"GET /login", "GET /callback", "POST /logout", "GET /health", "GET /readiness"})
"""Routes that need no token."""

_READ, _WRITE = ("get workflows",), ("get workflows", "update workflows")
_RUN = ("get workflows", "create workflowexecutions")
_EXECUTION = ("get workflowexecutions",)
_LOGS = (*_EXECUTION, "list pods", "get pods/log")
_CONTROL = (*_EXECUTION, "control workflowexecutions", "patch workflowexecutions")
_TRIGGER, _SWITCH = ("get triggers",), ("get triggers", "patch triggers")

RIGHTS: Mapping[str, tuple[str, ...]] = {
    "GET /workflows": ("list workflows",),
    "POST /workflows": ("create workflows",),
    "GET /workflows/{id}": _READ,
    "PUT /workflows/{id}": _WRITE,
    "PATCH /workflows/{id}": _WRITE,
    "DELETE /workflows/{id}": ("get workflows", "delete workflows"),
    "POST /workflows/{id}/activate": _WRITE,
    "POST /workflows/{id}/deactivate": _WRITE,
    "POST /workflows/{id}/archive": _WRITE,
    "POST /workflows/{id}/duplicate": ("get workflows", "create workflows"),
    "POST /workflows/{id}/validate": _READ,
    "POST /workflows/validate": (),
    "POST /workflows/{id}/execute": _RUN,
    "GET /workflows/{id}/metrics": _READ,
    "GET /workflows/{id}/revisions": ("get workflows", "list workflowexecutions"),
    "GET /workflows/{id}/revisions/{revision}": (
        "get workflows",
        "list workflowexecutions",
        "get controllerrevisions",
    ),
    "GET /workflows/{id}/graph": _READ,
    "GET /workflows/{id}/export": _READ,
    "POST /workflows/import": ("create workflows", "patch workflows"),
    "GET /workflows/{id}/nodes": _READ,
    "POST /workflows/{id}/nodes": _WRITE,
    "GET /workflows/{id}/nodes/{node}": _READ,
    "PUT /workflows/{id}/nodes/{node}": _WRITE,
    "PATCH /workflows/{id}/nodes/{node}": _WRITE,
    "DELETE /workflows/{id}/nodes/{node}": _WRITE,
    "GET /workflows/{id}/edges": _READ,
    "POST /workflows/{id}/edges": _WRITE,
    "DELETE /workflows/{id}/edges": _WRITE,
    "PUT /workflows/{id}/layout": _WRITE,
    "GET /executions": ("list workflowexecutions",),
    "GET /workflows/{id}/executions": ("get workflows", "list workflowexecutions"),
    "GET /executions/{id}": _EXECUTION,
    "GET /executions/{id}/nodes": _EXECUTION,
    "GET /executions/{id}/nodes/{node}": _EXECUTION,
    "GET /executions/{id}/explain": _EXECUTION,
    "POST /executions/{id}/pause": _CONTROL,
    "POST /executions/{id}/resume": _CONTROL,
    "POST /executions/{id}/cancel": _CONTROL,
    "POST /executions/{id}/rerun": (
        *_EXECUTION,
        "rerun workflowexecutions",
        "create workflowexecutions",
    ),
    "POST /executions/{id}/signal": (
        *_EXECUTION,
        "signal workflowexecutions",
        "patch workflowexecutions",
    ),
    "POST /executions/{id}/decide": (
        *_EXECUTION,
        "approve workflowexecutions",
        "patch workflowexecutions",
    ),
    "GET /executions/{id}/events": (*_EXECUTION, "watch workflowexecutions"),
    "GET /executions/{id}/logs": _LOGS,
    "GET /executions/{id}/nodes/{node}/logs": _LOGS,
    "GET /executions/{id}/graph": (*_EXECUTION, "get workflows"),
    "GET /triggers": ("list triggers",),
    "POST /triggers": ("create triggers",),
    "GET /workflows/{id}/triggers": ("get workflows", "list triggers"),
    "POST /workflows/{id}/triggers": ("get workflows", "create triggers"),
    "GET /triggers/{id}": _TRIGGER,
    "PUT /triggers/{id}": ("get triggers", "update triggers"),
    "PATCH /triggers/{id}": ("get triggers", "update triggers"),
    "DELETE /triggers/{id}": ("get triggers", "delete triggers"),
    "POST /triggers/{id}/suspend": _SWITCH,
    "POST /triggers/{id}/resume": _SWITCH,
    "POST /triggers/{id}/test": ("get triggers", "get workflows"),
    "POST /triggers/{id}/fire": ("get triggers", *_RUN),
    "GET /triggers/{id}/next": _TRIGGER,
    "GET /triggers/{id}/events": ("get triggers", "list workflowexecutions"),
    "GET /templates": (),
    "GET /templates/{id}": ("get templates",),
    "POST /templates/{id}/use": ("get templates", "get workflows", "create workflows"),
    "GET /actions": (),
    "GET /actions/{id}": ("get templates",),
    "POST /actions/{id}/test": ("get templates",),
    "GET /node-types": (),
    "GET /trigger-types": (),
    "GET /action-types": (),
    "GET /metrics/dashboard": (
        "list workflowexecutions",
        "list workflows",
        "list triggers",
    ),
    "GET /analytics/overview": ("list workflowexecutions",),
    "GET /me": (),
}
"""Of the routes that are not open, verbs and resources; none is needed where the API server only
has to know the user."""
