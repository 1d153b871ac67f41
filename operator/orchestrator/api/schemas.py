"""JSON Schemas for forms: of nodes, triggers and actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.graph import NodeKind
from orchestrator.models.structural import structural
from orchestrator.models.workflow import Node
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.rules.kinds import FIELDS_BY_KIND

Schema = dict[str, Any]
_TYPES = {"list": "array", "object": "object", "secret": "string"}
_BOUNDS = {
    "string": (("minLength", "minLength"), ("maxLength", "maxLength")),
    "list": (("minLength", "minItems"), ("maxLength", "maxItems")),
}


def node_types() -> list[Schema]:
    """Each kind of node with the schema of its fields."""
    node = plain(structural(Node))
    kinds = [kind.value for kind in NodeKind]
    only = {field: kinds_of for field, _, kinds_of, _ in FIELDS_BY_KIND}
    found = []
    for kind in kinds:
        properties = {
            name: schema
            for name, schema in node["properties"].items()
            if (name == kind or name not in kinds) and kind in only.get(name, (kind,))
        }
        schema = {**node, "properties": properties, "required": ["name", kind]}
        described = node["properties"][kind].get("description", "")
        found.append({"type": kind, "description": described, "schema": schema})
    return found


def trigger_types() -> list[Schema]:
    """Each type of trigger with the schemas of its settings and of its events."""
    return [
        {
            "type": each.key,
            "description": each.starts,
            "schema": plain(structural(each.settings)),
            "event": plain(structural(each.event)),
        }
        for each in REGISTRY.types
    ]


def action_type(name: str, spec: Mapping[str, Any]) -> Schema:
    """An action with the schemas of its parameters and of its outputs."""
    return {
        "type": name,
        "title": spec.get("title", ""),
        "description": spec.get("description", ""),
        "category": spec.get("category", ""),
        "schema": _object(spec.get("parameters") or ()),
        "outputs": _object(spec.get("outputs") or ()),
    }


def plain(schema: Any) -> Any:
    """A schema without what only Kubernetes knows."""
    if isinstance(schema, dict):
        return {
            name: plain(value) for name, value in schema.items() if not str(name).startswith("x-")
        }
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


def _object(values: Any) -> Schema:
    properties = {value["name"]: _value(value) for value in values}
    required = [value["name"] for value in values if value.get("required")]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _value(value: Mapping[str, Any]) -> Schema:
    kind = value["type"]
    schema: Schema = {"type": _TYPES.get(kind, kind)}
    for field in ("description", "default", "enum", "minimum", "maximum", "pattern"):
        if value.get(field) is not None:
            schema[field] = value[field]
    for ours, theirs in _BOUNDS.get(kind, ()):
        if value.get(ours) is not None:
            schema[theirs] = value[ours]
    if kind == "secret":
        schema["format"] = "password"
    return schema
