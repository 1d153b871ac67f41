"""Converts a pydantic model to a structural schema, which CustomResourceDefinitions require.

Kubernetes' rules: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
custom-resource-definitions/#specifying-a-structural-schema. The API server refuses a CEL rule over
values without a bound as too expensive, so a missing bound is an error here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from orchestrator.models.rules import FIELDS, RULED, RULES
from orchestrator.models.string_rules import with_own_messages

Schema = dict[str, Any]

FREE: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_DROPPED = frozenset(
    {
        "title", "additionalProperties", "default", "$ref", "$defs", "anyOf", "allOf",
        "properties", "items", "required", "x-model",
    }
)  # fmt: skip
_BOUNDS = {"string": "maxLength", "array": "maxItems"}


@dataclass(frozen=True, slots=True)
class _Source:
    """The definitions of a model, and whether its strings have their own messages."""

    defs: Mapping[str, Any]
    own_messages: bool


def structural(model: type[BaseModel], *, own_messages: bool = False) -> Schema:
    """The structural schema of a model, without the description of the class itself.

    With `own_messages`, CEL rules with the validator's messages replace each `enum` and pattern.
    Raises ValueError for a string or array without a bound, and for a union of types.
    """
    raw = model.model_json_schema(by_alias=True)
    named = {**raw, "x-model": model.__name__}
    return _convert(
        named, _Source(raw.get("$defs", {}), own_messages), model.__name__, in_list=False
    )


def _convert(raw: Mapping[str, Any], source: _Source, path: str, *, in_list: bool) -> Schema:
    raw = _inlined(raw, source.defs)
    if not raw.get("type") and "enum" not in raw and "properties" not in raw:
        return _described(raw, dict(FREE))
    kind = raw.get("type", "object")
    result: Schema = {key: value for key, value in raw.items() if key not in _DROPPED}
    result["type"] = kind
    if kind == "object":
        _object(raw, source, path, result, in_list=in_list)
    elif kind == "array":
        result["items"] = _convert(raw["items"], source, f"{path}[]", in_list=True)
    elif kind == "string" and source.own_messages:
        result = with_own_messages(result, raw.get("x-model", ""))
    if kind in _BOUNDS and _BOUNDS[kind] not in result and "enum" not in result:
        raise ValueError(f"{path} has no {_BOUNDS[kind]}")
    if (
        "default" in raw
        and raw["default"] is not None
        and not in_list
        and _is_useful(raw["default"])
    ):
        result["default"] = raw["default"]
    return result


def _object(
    raw: Mapping[str, Any],
    source: _Source,
    path: str,
    result: Schema,
    *,
    in_list: bool,
) -> None:
    properties = raw.get("properties")
    values = raw.get("additionalProperties")
    patterns = raw.get("patternProperties")
    if properties is not None:
        result["properties"] = {
            name: _convert(schema, source, f"{path}.{name}", in_list=in_list)
            for name, schema in properties.items()
        }
        model = raw.get("x-model", "")
        ruled = RULED.get(model, {}) if source.own_messages else {}
        for name in ruled:
            result["properties"][name].pop("minItems", None)
        if required := sorted(set(raw.get("required", ())) - ruled.keys()):
            result["required"] = required
        for name in properties:
            _merge(result["properties"][name], FIELDS.get((model, name), {}))
        if model in RULES:
            result["x-kubernetes-validations"] = [*ruled.values(), *RULES[model]]
        return
    if patterns:
        values = next(iter(patterns.values()))
        result.pop("patternProperties", None)
    result.pop("propertyNames", None)
    if isinstance(values, Mapping) and _inlined(values, source.defs).get("type"):
        result["additionalProperties"] = _convert(values, source, f"{path}.*", in_list=True)
    else:
        result.update(FREE)
    if isinstance(raw.get("maxProperties"), int):
        result["maxProperties"] = raw["maxProperties"]
    else:
        result["maxProperties"] = 100


def _inlined(raw: Mapping[str, Any], defs: Mapping[str, Any]) -> Schema:
    """Resolve $ref, and drop the null of an optional field; keywords of the field take
    precedence."""
    own = {key: value for key, value in raw.items() if key not in ("$ref", "anyOf", "allOf")}
    if "$ref" in raw:
        name = raw["$ref"].rpartition("/")[2]
        # A field without a docstring has the description of its enum, but not that of an object.
        described = "enum" in defs[name]
        definition = {
            key: value for key, value in defs[name].items() if described or key != "description"
        }
        return _inlined({**definition, "x-model": name, **own}, defs)
    for union in ("anyOf", "allOf"):
        branches = [item for item in raw.get(union, ()) if item.get("type") != "null"]
        if len(branches) == 1:
            return _inlined({**branches[0], **own}, defs)
        if branches:
            raise ValueError(f"a union of {len(branches)} types has no structural schema")
    return dict(raw)


def _merge(schema: Schema, extra: Mapping[str, Any]) -> None:
    if "properties" in extra:
        schema.pop("additionalProperties", None)
    schema.update(copy.deepcopy(dict(extra)))


def _described(raw: Mapping[str, Any], result: Schema) -> Schema:
    if "description" in raw:
        result["description"] = raw["description"]
    return result


def _is_useful(default: object) -> bool:
    """Whether a default is not empty: an empty one would only add fields to the users' objects."""
    return default not in ("", [], {}, False)
