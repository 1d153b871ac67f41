"""Values of the API and of the history: layouts, and all options at once."""

from __future__ import annotations

from typing import Any

SHARED = {"crds": {"enabled": False}, "catalogue": {"enabled": False}}
"""What the first release of a cluster has brought already."""
SQLITE: dict[str, Any] = {"api": {"enabled": True}, "history": {"enabled": True}}
POSTGRESQL: dict[str, Any] = {
    "enabled": True, "database": "postgresql", "postgresql": {"secretName": "database"},
}  # fmt: skip
PODS: dict[str, Any] = {
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"example.com/a": "b"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "egress": [{"ports": [{"port": 443}]}],
}
API: dict[str, Any] = {
    **PODS,
    "enabled": True,
    "logLevel": "debug",
    "tls": {"secretName": "api-tls"},
    "service": {"type": "LoadBalancer", "port": 443, "annotations": {"example.com/a": "b"}},
    "ingress": {
        "enabled": True, "className": "nginx", "host": "api.example.com", "tlsSecretName": "api",
        "annotations": {"example.com/a": "b"},
    },
    "allowedFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "extraArgs": ["--rate=10"],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
}  # fmt: skip
OIDC: dict[str, Any] = {
    "issuer": "https://login.example.com",
    "clientId": "workflow",
    "externalUrl": "https://automation.example.com",
    "secretName": "login",
    "sessionKeysKey": "keys",
    "clientSecretKey": "secret",
    "caSecretName": "provider-ca",
    "usernameClaim": "email",
    "groupsClaim": "groups",
    "groupsFilter": ["k8s-", "sre"],
    "scopes": ["openid", "groups"],
    "sessionLifetime": "12h",
    "impersonate": {"users": ["oidc:ana"], "groups": ["oidc:sre"]},
}
HISTORY: dict[str, Any] = {
    **PODS,
    "enabled": True,
    "logLevel": "debug",
    "keepDays": 365,
    "keepCount": 100000,
    "keepLogDays": 30,
    "logs": {
        "place": "s3://logs/production", "endpoint": "https://s3.example.com",
        "region": "eu-west-1", "credentialsSecretName": "bucket",
        "apiCredentialsSecretName": "reader", "caSecretName": "storage-ca", "limitMiB": 8,
    },
    "traces": "http://collector.observability:4318",
    "serviceAccount": {"name": "recorder", "annotations": {"example.com/a": "b"}},
    "extraArgs": ["--log-format=plain"],
}  # fmt: skip
METRICS = {"serviceMonitor": {"enabled": True}}
OPTIONS: dict[str, dict[str, Any]] = {
    "API and history in SQLite": {
        **SHARED, "api": API, "metrics": METRICS,
        "history": {**HISTORY, "sqlite": {"size": "10Gi", "storageClassName": "fast"}},
    },
    "API and history in PostgreSQL, for namespaces": {
        **SHARED, "namespaces": ["shop", "billing"], "metrics": METRICS,
        "api": {**API, "replicas": 3, "serviceAccount": {"name": "api"}, "oidc": OIDC},
        "history": {
            **HISTORY, **POSTGRESQL, "extraVolumes": [{"name": "more", "emptyDir": {}}],
        },
    },
}  # fmt: skip
"""All options at once, in both layouts."""
