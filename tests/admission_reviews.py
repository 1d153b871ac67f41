"""AdmissionReviews as an API server sends them."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.models.base import API_VERSION, GROUP, VERSION


def review(kind: str, name: str, spec: Any, /, *, namespace: Any = "a", **changed: Any) -> bytes:
    """A review of an object that is created; `changed` are fields of its request."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace is not None else {})
    raw = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
    request: dict[str, Any] = {
        "uid": "uid-1",
        "kind": {"group": GROUP, "version": VERSION, "kind": kind},
        "operation": "CREATE",
        "name": name,
        "object": raw,
        "oldObject": None,
        "dryRun": False,
        "userInfo": {"username": "ana"},
    }
    if namespace is not None:
        request["namespace"] = namespace
    body = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request | changed,
    }
    return json.dumps(body).encode()
