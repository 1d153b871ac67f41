"""The OpenAPI description of the receiver, made from the registries of types and schemes.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestrator.models.structural import structural
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.responses import STATUSES
from orchestrator.triggers.bodies import FORM, JSON
from orchestrator.triggers.plan import Outcome
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.schemes.registry import GENERAL, VENDORS
from orchestrator.triggers.schemes.scheme import Scheme
from orchestrator.triggers.sources import Requests
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.triggers.types.api_endpoint import API_ENDPOINT
from orchestrator.triggers.types.event import BATCH, EVENT, STRUCTURED
from orchestrator.triggers.types.webhook import WEBHOOK

OPENAPI = "receiver-openapi.json"
"""The file in docs/reference."""
_KUBERNETES = "kubernetes"
_RETRIED = (429, 503)


def receiver_openapi() -> str:
    """The description as JSON."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """The description. Every Trigger that takes requests has its own path, of the same form."""
    types = list(_types())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The receiver of iTechSmart Workflow",
            "version": "v1alpha1",
            "description": "Events from outside, each of which starts at most one execution.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/triggers/{namespace}/{name}": {
                "parameters": [
                    _parameter("namespace", "path", "Namespace of the Trigger."),
                    _parameter("name", "path", "Name of the Trigger."),
                ],
                "post": _post(types),
                "options": _handshake(),
            }
        },
        "components": {
            "securitySchemes": {
                **{each.key: _security(each) for each in (*VENDORS, *GENERAL)},
                _KUBERNETES: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of a user of the cluster who may `create` "
                    "`triggers/fire`, for `apiEndpoint`.",
                },
            },
            "schemas": {
                "Answer": _answer(),
                "Message": _object({"message": {"type": "string"}}),
                **{each.event.__name__: _plain(structural(each.event)) for each in types},
            },
        },
        "x-trigger-types": {each.key: _described(each) for each in types},
    }


def _types() -> Iterator[TriggerType[Any]]:
    return (each for each in REGISTRY.types if isinstance(each.source, Requests))


def _described(type_: TriggerType[Any]) -> dict[str, Any]:
    assert isinstance(type_.source, Requests)
    return {
        "description": type_.starts,
        "methods": sorted(type_.source.methods),
        "security": _schemes_of(type_),
        "event": {"$ref": f"#/components/schemas/{type_.event.__name__}"},
    }


def _schemes_of(type_: TriggerType[Any]) -> list[str]:
    if type_ is API_ENDPOINT:
        return [_KUBERNETES]
    return [each.key for each in (*VENDORS, *GENERAL) if each.key in type_.settings.model_fields]


def _post(types: list[TriggerType[Any]]) -> dict[str, Any]:
    schemes = dict.fromkeys(name for each in types for name in _schemes_of(each))
    own = ", ".join(f"`{each.key}`" for each in types)
    anything: dict[str, Any] = {"schema": {}}
    return {
        "operationId": "sendEvent",
        "summary": "Send an event to a Trigger.",
        "description": f"What it accepts follows from the type of the Trigger: {own}. The answer "
        "comes once each event is stored.",
        "security": [{name: []} for name in schemes],
        "parameters": [
            _parameter(
                "wait",
                "query",
                f"Of `{API_ENDPOINT.key}`: seconds to wait for the result of the execution, at "
                f"most {Limits().wait_seconds:g}.",
                {"type": "number", "minimum": 0, "maximum": Limits().wait_seconds},
            ),
            _parameter(
                "Idempotency-Key",
                "header",
                f"Of `{API_ENDPOINT.key}`: calls of a user with the same key are one event.",
            ),
        ],
        "requestBody": {
            "description": f"At most {Limits().body:,} bytes by default.",
            "content": {
                JSON: anything,
                FORM: {**anything, "x-trigger-types": [WEBHOOK.key]},
                STRUCTURED: {**anything, "x-trigger-types": [EVENT.key]},
                BATCH: {**anything, "x-trigger-types": [EVENT.key]},
            },
        },
        "responses": {str(status): _response(status) for status in STATUSES},
    }


def _handshake() -> dict[str, Any]:
    return {
        "operationId": "allowOrigin",
        "summary": "The handshake of CloudEvents, for origins in `allowedOrigins`.",
        "security": [],
        "parameters": [
            _parameter("WebHook-Request-Origin", "header", "Who asks to send events."),
        ],
        "responses": {
            "200": {
                "description": "Events of this origin may be sent.",
                "headers": {"WebHook-Allowed-Origin": {"schema": {"type": "string"}}},
            },
            "401": _response(401),
        },
    }


def _response(status: int) -> dict[str, Any]:
    reference = "Answer" if status in (200, 202, 422) else "Message"
    schema = {"$ref": f"#/components/schemas/{reference}"}
    response: dict[str, Any] = {
        "description": STATUSES[status],
        "content": {JSON: {"schema": schema}},
    }
    if status in _RETRIED:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return response


def _answer() -> dict[str, Any]:
    one = {
        "outcome": {"type": "string", "enum": [each.value for each in Outcome]},
        "execution": {"type": "string", "description": "Name of the execution."},
        "message": {"type": "string", "description": "Why the event failed."},
    }
    result = {
        "phase": {"type": "string", "description": "Where the caller waited: how it ended."},
        "reason": {"type": "string"},
        "outputs": {"type": "object"},
    }
    several = {
        "events": {
            "type": "array",
            "description": "Of a batch: what became of each event, in their order.",
            "items": _object(one),
        }
    }
    return _object({**one, **result, **several})


def _security(scheme: Scheme[Any]) -> dict[str, Any]:
    match scheme.key:
        case "bearer" | "basic":
            return {"type": "http", "scheme": scheme.key, "description": scheme.verifies}
        case "mutualTLS":
            return {"type": "mutualTLS", "description": scheme.verifies}
        case _:
            name = scheme.header or "X-Signature"
            return {"type": "apiKey", "in": "header", "name": name, "description": scheme.verifies}


def _parameter(
    name: str, where: str, description: str, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": schema or {"type": "string"},
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _plain(schema: Any) -> Any:
    """A schema without what only Kubernetes knows."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name[:2] != "x-"}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
