"""A manifest of each kind that sets every field, with values of every shape."""

from __future__ import annotations

from typing import Any

import yaml

from tests.kube import ROOT, manifest

FREE = {"a": 1, "b": [True, None, "x", {"c": 1.5}], "d": {"e": {"f": "$[[ vars.service ]]"}}}

NODES: list[dict[str, Any]] = [
    {
        "name": "check",
        "title": "Is it healthy?",
        "description": "Asks the service.",
        "action": "http-request",
        "with": {"url": "http://$[[ vars.service ]]/healthz", "expectStatus": [200, 503], **FREE},
        "retry": {
            "limit": 2,
            "reasons": ["Failed", "TimedOut", "Disrupted"],
            "backoff": {"initial": "2s", "factor": 2, "max": "1m"},
        },
        "timeout": "30s",
        "allowFailure": True,
    },
    {"name": "unhealthy", "condition": "nodes.check.outputs.status != 200"},
    {
        "name": "approve",
        "approval": {
            "approvers": ["group:sre", "user:ana@example.com"],
            "required": 2,
            "excludeRequester": True,
            "onTimeout": "Reject",
            "inputs": {"properties": {"ticket": {"type": "string"}}, "required": ["ticket"]},
        },
        "timeout": "30m",
        "join": "Any",
        "when": "true",
    },
    {"name": "settle", "delay": "30s"},
    {"name": "child", "workflow": {"name": "other", "variables": FREE}},
    {"name": "sums", "transform": {"x": "1 + 1", "z": "'a'"}},
    {"name": "undone", "fail": "rolled back: $[[ nodes.check.message ]]"},
    {"name": "until", "wait": {"until": "now > '2026-01-01'"}},
    {"name": "signal", "wait": {"signal": "go"}, "timeout": "24h"},
    {
        "name": "again",
        "action": "local/poll",
        "repeat": {"until": "true", "limit": 10, "delay": "5s"},
    },
    {
        "name": "tell",
        "action": "slack-message",
        "with": {"channel": "$[[ channel ]]"},
        "forEach": {
            "values": "['#ops', '#payments']",
            "as": "channel",
            "parallelism": 5,
            "maxFailed": 1,
            "gather": ["id"],
            "timeout": "1h",
        },
    },
]

WORKFLOW: dict[str, Any] = {
    "title": "Restart an unhealthy service",
    "description": "Checks a service,\nasks two people, restarts it.",
    "state": "Draft",
    "variables": [
        {
            "name": "service",
            "type": "string",
            "description": "Which.",
            "required": True,
            "pattern": "[a-z0-9-]+",
            "minLength": 1,
            "maxLength": 63,
        },
        {"name": "attempts", "type": "integer", "default": 3, "minimum": 1, "maximum": 10},
        {"name": "mode", "type": "string", "enum": ["fast", "safe"], "default": "safe"},
        {"name": "more", "type": "object", "default": {"a": [1, {"b": "c"}]}},
        {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
    ],
    "defaults": {"retry": {"limit": 1, "reasons": ["Disrupted"]}, "timeout": "10m"},
    "nodes": NODES,
    "edges": [
        {"from": "check", "to": "unhealthy"},
        {"from": "unhealthy", "to": "approve", "outcome": "Then", "when": "true"},
        {"from": "unhealthy", "to": "settle", "outcome": "Else"},
    ],
    "finally": ["tell"],
    "finallyTimeout": "5m",
    "outputs": [{"name": "healthy", "value": "nodes.unhealthy.outputs.result == false"}],
    "onFailure": "Stop",
    "timeout": "2h",
    "priority": 7,
    "concurrency": {"policy": "Replace", "limit": 5, "key": "vars.service", "group": "web"},
    "history": {"succeeded": 3, "failed": 4, "keepJobs": "2h"},
    "workspace": {"size": "2Gi", "storageClassName": "fast", "accessMode": "ReadWriteMany"},
    "pod": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "batch", "operator": "Exists", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "high",
        "labels": {"team": "sre"},
        "annotations": {"example.com/why": "because"},
    },
    "layout": {"check": [80, 120.5]},
}

ACTION: dict[str, Any] = {
    "image": "example.com/tool:1",
    "imagePullPolicy": "IfNotPresent",
    "command": ["tool"],
    "args": ["--name", "$[[ params.name ]]"],
    "env": [
        {"name": "PLAIN", "value": "x"},
        {
            "name": "SECRET",
            "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}},
        },
        {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "C_"}, {"secretRef": {"name": "s"}}],
    "workingDir": "/work",
    "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
    "volumes": [
        {"name": "tmp", "mountPath": "/tmp", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}},
        {"name": "conf", "mountPath": "/c", "readOnly": True, "configMap": {"name": "c"}},
        {"name": "keys", "mountPath": "/k", "secret": {"secretName": "s", "optional": True}},
        {
            "name": "data",
            "mountPath": "/d",
            "persistentVolumeClaim": {"claimName": "d", "readOnly": True},
        },
    ],
    "securityContext": {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "readOnlyRootFilesystem": True,
    },
    "serviceAccountName": "automation-runner",
    "terminationGracePeriod": "10s",
}

TEMPLATE: dict[str, Any] = {
    "title": "A tool",
    "description": "Does it.",
    "category": "tools",
    "icon": "wrench",
    "parameters": [
        {"name": "name", "type": "string", "required": True, "enum": ["a", "b"]},
        {"name": "many", "type": "list", "default": [1, "two", {"three": 3.5}]},
    ],
    "outputs": [{"name": "revision", "type": "integer", "description": "Which.", "required": True}],
    "permanentExitCodes": [2, 64],
    "rights": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
        {
            "apiGroups": [""],
            "resources": ["nodes"],
            "resourceNames": ["node-1"],
            "verbs": ["get"],
            "scope": "Cluster",
        },
    ],
    "action": ACTION,
}

EXECUTION: dict[str, Any] = {
    "workflow": "restart",
    "variables": {"service": "web", **FREE},
    "requester": "ana@example.com",
    "trigger": {
        "type": "schedule",
        "name": "nightly",
        "uid": "6a9f0b1e-0000-4000-8000-000000000001",
        "depth": 2,
        "root": "6a9f0b1e-0000-4000-8000-000000000002",
        "notBefore": "2026-01-31T12:00:00Z",
        "overLimit": "Newest",
        "event": FREE,
    },
    "parent": {
        "name": "parent",
        "uid": "6a9f0b1e-0000-4000-8000-000000000000",
        "node": "child",
        "depth": 1,
    },
    "desiredState": "Paused",
    "decisions": [
        {
            "node": "approve",
            "by": "ana@example.com",
            "decision": "Approve",
            "groups": ["sre"],
            "comment": "fine",
            "inputs": {"ticket": "OPS-1", **FREE},
        }
    ],
    "signals": [{"id": "1", "name": "go", "payload": FREE, "by": "ana@example.com"}],
    "rerunOf": {"name": "earlier", "from": ["check", "settle"]},
}

TRIGGER: dict[str, Any] = {
    "workflow": "restart",
    "variables": {"service": "$[[ event.timeZone ]]", **FREE},
    "filter": "event.timeZone == 'Europe/Berlin'",
    "payload": "{'slot': event.scheduledAt}",
    "dedupe": {"key": "event.scheduledAt", "window": "1h"},
    "rateLimit": {"limit": 5, "period": "1m", "policy": "Newest"},
    "cooldown": "1s",
    "schedule": {
        "cron": "30 3 * * 1-5",
        "timeZone": "Europe/Berlin",
        "jitter": "30s",
        "catchUp": 3,
    },
    "suspend": True,
}
TRIGGER_OF_EXECUTIONS: dict[str, Any] = {
    "workflow": "restart",
    "execution": {"workflow": "deploy", "phases": ["Failed", "TimedOut"]},
}

INCIDENT: dict[str, Any] = {
    "title": "It is down",
    "severity": "Critical",
    "state": "Acknowledged",
    "assignee": "ana",
    "escalation": "sre",
    "summary": "Since noon.",
    "links": [{"title": "Graph", "url": "https://example.com/graph"}],
    "notes": [{"id": "n1", "text": "the pool is exhausted", "author": "ana"}],
}

OF_TYPES = {
    f"Trigger of {path.stem}": raw
    for path in sorted((ROOT / "manifests" / "examples").glob("trigger-*.yaml"))
    for raw in yaml.safe_load_all(path.read_text())
    if raw["kind"] == "Trigger"
}
"""A Trigger of each other type: its example."""

FULL: dict[str, dict[str, Any]] = {
    **OF_TYPES,
    "Workflow": manifest("Workflow", "full", WORKFLOW),
    "WorkflowExecution": manifest("WorkflowExecution", "full", EXECUTION),
    "Trigger": manifest("Trigger", "full", TRIGGER),
    "Trigger of executions": manifest("Trigger", "executions", TRIGGER_OF_EXECUTIONS),
    "Template": manifest("Template", "full", TEMPLATE),
    "ClusterTemplate": manifest("ClusterTemplate", "full", TEMPLATE),
    "Incident": manifest("Incident", "full", INCIDENT),
}
