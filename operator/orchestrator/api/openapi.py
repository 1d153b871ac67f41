"""The OpenAPI description: https://spec.openapis.org/oas/v3.1.0."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from orchestrator.api.history_responses import UNAVAILABLE
from orchestrator.api.problems import MEDIA_TYPE
from orchestrator.api.schemas import plain
from orchestrator.crds import KINDS
from orchestrator.models.structural import structural
from orchestrator.operations.records import FROM_HISTORY

TITLE = "iTechSmart Workflow"
DESCRIPTION = (
    "Workflows, executions, triggers and templates over HTTP. Each request is made with the bearer"
    " token of a user of the cluster, or with the session of a browser, whose rights decide."
    " Bodies are JSON or YAML."
)
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and what would be right."},
        "errors": {
            "type": "array",
            "description": "The problems of a body, each with its field.",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_STATUSES = {
    400: "The body cannot be read.",
    401: "The request has no valid token or session.",
    403: "The caller lacks a right; `detail` names it, and the command that grants it.",
    404: "There is no such object, or no such path.",
    409: "The state of an object does not allow the request, or its name is taken.",
    412: "The object has changed since the version that `If-Match` names.",
    413: "The body is too large.",
    415: "The body is neither JSON nor YAML.",
    422: "The request is invalid; `errors` has the path of each problem.",
    428: "The request needs `If-Match`.",
    429: "Too many requests.",
    503: "The API server does not answer, or only the history could, and cannot be read.",
}


def _response(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: _response(description) for status, description in _STATUSES.items()
}
"""The answers that every route may give."""
METADATA = {
    "type": "object",
    "required": ["name", "resourceVersion", "uid"],
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "uid": {"type": "string"},
        "resourceVersion": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_TEXT_BY_NAME = {"type": "object", "additionalProperties": _TEXT}
_PROBLEMS = PROBLEM["properties"]["errors"] | {"description": "Each with its field."}  # type: ignore[index]
_SCHEMAS: dict[str, dict[str, Any]] = {
    "application/yaml": {"type": "object"},
    "text/event-stream": {
        "type": "object",
        "properties": {"event": _TEXT, "id": _TEXT, "data": {"type": "string"}},
    },
}
"""The schemas of media types that are read as values."""
_ANSWERS: dict[str, dict[str, Any]] = {
    "Status": {"status": _TEXT},
    "Me": {
        "username": _TEXT,
        "uid": _TEXT,
        "groups": _TEXTS,
        "namespace": _TEXT,
        "rights": {"type": "object", "additionalProperties": _TEXTS},
    },
    "Validation": {
        "valid": {"type": "boolean"},
        "errors": _PROBLEMS,
        "warnings": _PROBLEMS,
        "unchecked": _TEXTS,
    },
    "NodeRecords": {"items": {"type": "object", "additionalProperties": {"type": "object"}}},
    "NodeRecord": {"node": _TEXT, "phase": _TEXT},
    "Explanation": {"execution": _TEXT, "nodes": _TEXT_BY_NAME},
    "Items": {"items": {"type": "array", "items": {"type": "object"}}},
    "Types": {"items": {"type": "array", "items": {"type": "object"}}},
    "Metrics": {"workflow": _TEXT, "total": {"type": "integer"}},
    "Revisions": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/UsedRevision"}}
    },
    "UsedRevision": {
        "name": _TEXT,
        "firstUsed": _TEXT,
        "lastUsed": _TEXT,
        "executions": {"type": "integer"},
    },
    "Revision": {"name": _TEXT, "created": _TEXT, "data": {"type": "object"}},
    "GraphNode": {"name": _TEXT},
    "GraphEdge": {"from": _TEXT, "to": _TEXT},
    "RemovedNode": {"node": _TEXT, "edges": {"type": "array", "items": {"type": "object"}}},
    "LayoutOfNodes": {"layout": {"type": "object"}},
    "TriggerTest": {
        "fires": {"type": "boolean"},
        "why": _TEXT,
        "execution": _TEXT,
        "variables": {"type": "object"},
    },
    "TriggerEvents": {
        "items": {"type": "array", "items": {"type": "object"}},
        "counts": {"type": "object"},
    },
    "Figures": {
        "now": {"type": "object"},
        "lastDay": {"type": "object"},
        "workflows": {"type": "integer"},
        "triggers": {"type": "integer"},
    },
    "Overview": {
        "period": _TEXT,
        "total": {"type": "object"},
        "workflows": {"type": "array", "items": {"type": "object"}},
        "slowestNodes": {"type": "array", "items": {"type": "object"}},
    },
    "Decided": {"node": _TEXT, "decision": _TEXT, "by": _TEXT},
}
"""Answers that are no objects of the API server: their required fields."""
_HISTORY_UNAVAILABLE = {
    "type": "string",
    "description": "Why the history is left out: then the answer is of the cluster's objects alone."
    " Absent if it is not, and where the API has no history.",
}
_WITHOUT_HISTORY = {
    "type": "string",
    "description": "Why answers leave out the history; absent if they do not.",
}
_FROM_HISTORY = {
    "type": "boolean",
    "description": "True if the object has been removed from the cluster, and this is its record in"
    " the history: it has no resourceVersion and cannot be changed.",
}
_RECORDED_USE = {
    "type": "boolean",
    "description": "True if the cluster has none of the executions any more that ran it.",
}
_RECORDED_REVISION = {
    "type": "boolean",
    "description": "True if it has been removed from the cluster, and this is its record in the"
    " history: `created` is then the creation of the first execution that ran it.",
}
NOT_LISTED = "Of the named namespaces, those in which the caller may not list."


def returns(schema: str, description: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that succeeds, by the name of its schema."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    content = {"application/json": {"schema": reference}}
    return {status: {"description": description, "content": content}}


def text_of(*media_types: str, description: str) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that succeeds with text of one of these media types."""
    content = {
        media_type: {"schema": _SCHEMAS.get(media_type, _TEXT)} for media_type in media_types
    }
    return {200: {"description": description, "content": content}}


def document(application: FastAPI) -> dict[str, Any]:
    """The description of the application."""
    if application.openapi_schema is None:
        made = get_openapi(
            title=application.title,
            version=application.version,
            description=application.description,
            routes=application.routes,
            license_info=application.license_info,
        )
        for methods in made["paths"].values():
            for route in methods.values():
                _drop_default(route["responses"].get("200", {}).get("content", {}))
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        made["components"]["schemas"] = dict(sorted((schemas | _schemas()).items()))
        application.openapi_schema = made
    return application.openapi_schema


def _drop_default(content: dict[str, Any]) -> None:
    """Remove the media type that FastAPI adds to answers of other types."""
    if len(content) > 1 and not content.get("application/json", {"schema": 1}).get("schema"):
        del content["application/json"]


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {"Problem": PROBLEM}
    found |= {name: _object(properties) for name, properties in _ANSWERS.items()}
    for kind in KINDS:
        found[f"{kind.name}Spec"] = plain(structural(kind.spec))
        found[f"{kind.name}Status"] = plain(structural(kind.status))
        found[kind.name] = {
            "type": "object",
            "description": kind.description,
            "required": ["metadata", "spec"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": METADATA,
                "spec": {"$ref": f"#/components/schemas/{kind.name}Spec"},
                "status": {"$ref": f"#/components/schemas/{kind.name}Status"},
            },
        }
        found[f"{kind.name}List"] = {
            "type": "object",
            "required": ["items", "total"],
            "properties": {
                "items": {
                    "type": "array",
                    "items": {"$ref": f"#/components/schemas/{kind.name}"},
                },
                "total": {"type": "integer", "description": "The number of matching objects."},
                "next": {"type": "string", "description": "The `page` that follows."},
                "notListed": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": NOT_LISTED,
                },
            },
        }
    _add_history(found)
    return found


def _add_history(schemas: dict[str, Any]) -> None:
    """What executions have that are only in the history, and answers that leave it out."""
    execution = schemas["WorkflowExecution"]
    metadata = {**METADATA, "required": ["name", "uid"]}
    execution["properties"] |= {"metadata": metadata, FROM_HISTORY: _FROM_HISTORY}
    schemas["UsedRevision"]["properties"][FROM_HISTORY] = _RECORDED_USE
    schemas["Revision"]["properties"][FROM_HISTORY] = _RECORDED_REVISION
    for name in ("Figures", "Overview", "Metrics", "Revisions", "WorkflowExecutionList"):
        schemas[name]["properties"] |= {UNAVAILABLE: _HISTORY_UNAVAILABLE}
    schemas["Status"]["properties"] |= {"history": _WITHOUT_HISTORY}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}
