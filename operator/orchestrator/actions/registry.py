"""The shipped actions, in the catalogue's order.

To add an action, write a file that defines ACTION in the folder of its category, named after the
action, and add a line here. A file is imported only when its action runs, so that pods start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from orchestrator.actions.action import Action

CATEGORIES = {
    "incident-create": "incident",
    "incident-update": "incident",
    "incident-assign": "incident",
    "incident-escalate": "incident",
    "incident-note": "incident",
    "incident-resolve": "incident",
    "deploy-application": "kubernetes",
    "rollout-restart": "kubernetes",
    "rollout-status": "kubernetes",
    "rollout-undo": "kubernetes",
    "rollout-history": "kubernetes",
    "rollback-deployment": "kubernetes",
    "set-image": "kubernetes",
    "scale": "kubernetes",
    "apply": "kubernetes",
    "patch": "kubernetes",
    "delete": "kubernetes",
    "wait-for": "kubernetes",
    "run-job": "kubernetes",
    "exec": "kubernetes",
    "cordon": "kubernetes",
    "uncordon": "kubernetes",
    "drain": "kubernetes",
    "pod-logs": "kubernetes",
    "describe-events": "kubernetes",
    "email": "notify",
    "sms": "notify",
    "slack-message": "notify",
    "teams-message": "notify",
    "discord-message": "notify",
    "pagerduty-event": "notify",
    "opsgenie-alert": "notify",
    "webhook-post": "notify",
    "jira-issue": "ticket",
    "servicenow-incident": "ticket",
    "run-script": "infrastructure",
    "python-script": "infrastructure",
    "ssh-command": "infrastructure",
    "restart-service": "infrastructure",
    "http-request": "data",
    "promql-query": "observe",
    "promql-graph": "observe",
    "silence": "observe",
    "unsilence": "observe",
    "loki-query": "observe",
    "grafana-annotation": "observe",
    "pod-top": "observe",
    "run-tests": "delivery",
    "git-clone": "delivery",
    "git-commit-tag": "delivery",
    "argocd-sync": "delivery",
    "argocd-rollback": "delivery",
    "rollouts-promote": "delivery",
    "rollouts-abort": "delivery",
    "jenkins-build": "ci",
    "github-dispatch": "ci",
    "github-issue": "ci",
    "github-status": "ci",
    "gitlab-pipeline": "ci",
    "sql-query": "data",
    "sql-execute": "data",
    "transform-data": "data",
    "s3-put": "data",
    "s3-get": "data",
}
"""The category of each action."""

NAMES = tuple(CATEGORIES)


def load(name: str) -> Action[Any, Any]:
    """The action of this name, which must be one of NAMES."""
    file = name.replace("-", "_")
    action: Action[Any, Any] = import_module(
        f"orchestrator.actions.{CATEGORIES[name]}.{file}"
    ).ACTION
    return action


def every() -> tuple[Action[Any, Any], ...]:
    """All shipped actions."""
    return tuple(load(name) for name in NAMES)
