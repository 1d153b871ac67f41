"""Webhook requests to the receiver, signed as their senders do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson

from orchestrator.engine.times import from_rfc3339
from orchestrator.triggers.sources import HttpRequest
from tests.planted import planted

AT = from_rfc3339("2026-01-31T12:00:00Z")
SECRET = planted("webhooks", "It's a Secret to Everybody ").encode()
SECRETS = [{"name": "hooks", "key": "secret"}]
ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="High"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "workflows",
    "groupLabels": {"alertname": "High"},
    "commonLabels": {"alertname": "High", "severity": "page"},
    "commonAnnotations": {"summary": "high"},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High", "severity": "page"},
            "annotations": {"summary": "high"},
            "startsAt": "2026-01-31T11:59:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "c0ffee",
        }
    ],
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "/shop/orders",
    "type": "com.example.order.created",
    "time": "2026-01-31T12:00:00Z",
    "datacontenttype": "application/json",
    "data": {"order": 7},
}


def post(body: Any = None, *, caller: str = "", **headers: str) -> HttpRequest:
    """A request with these headers, whose names are written with underscores; a body that is not
    bytes becomes JSON."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    if not isinstance(body, bytes):
        body = orjson.dumps(body)
        named = {"content-type": "application/json", **named}
    return HttpRequest("POST", named, {}, body, AT, caller, id="1f0c")


def hex_hmac(secret: bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """An HMAC in hexadecimal digits."""
    return hmac.new(secret, signed, getattr(hashlib, algorithm)).hexdigest()


def github_headers(
    body: bytes, secret: bytes = SECRET, *, delivery: str = "d-1", event: str = "push"
) -> dict[str, str]:
    """The headers of GitHub's webhooks."""
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": f"sha256={hex_hmac(secret, body)}",
    }


def basic_credentials(user: str, password: str) -> str:
    """The Authorization header of a user and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
