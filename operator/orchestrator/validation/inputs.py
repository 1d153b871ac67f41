"""The JSON Schema of what approvers fill in, by https://json-schema.org/draft/2020-12.

The author of a workflow is trusted less than the operator, so a schema may not refer to anything,
and its patterns are RE2 and match the whole string, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.validators import extend
from referencing import Registry

from orchestrator.expressions import ExpressionError, check_pattern, full_match
from orchestrator.models.base import Json
from orchestrator.validation.problem import join

_REFUSED = ("$ref", "$dynamicRef", "$schema", "$id", "$defs", "patternProperties")
_MAPS = ("properties", "dependentSchemas")
"""Keywords whose keys are names of the author's."""
_VALUES = ("const", "enum", "default", "examples")
"""Keywords whose values are not schemas."""
_DEEPEST = 16


def _pattern(_: object, pattern: str, value: Json, schema: object) -> Iterator[ValidationError]:
    del schema
    if isinstance(value, str) and not full_match(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}, all of it")


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)
_NOTHING: Registry[Any] = Registry()


def check_schema(path: str, schema: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What is wrong with a schema, as path and words."""
    found = list(_refused(path, schema, 0))
    yield from found
    if found:
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield join(path, *error.absolute_path), f"is no JSON Schema: {error.message[:200]}"
        return
    if schema.get("type", "object") != "object":
        yield join(path, "type"), "inputs are an object: leave type out, or write object"


def check_inputs(schema: Mapping[str, Json], inputs: Mapping[str, Json]) -> str:
    """What is wrong with the inputs in words, or an empty string."""
    try:
        error = best_match(_Validator(schema, registry=_NOTHING).iter_errors(dict(inputs)))
    except ExpressionError as failure:
        return str(failure)
    if error is None:
        return ""
    where = join("inputs", *error.absolute_path)
    return f"{where}: {error.message[:200]}"


def _refused(path: str, schema: Json, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        yield path, f"is nested deeper than {_DEEPEST}"
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _refused(join(path, index), item, depth + 1)
    elif isinstance(schema, dict):
        yield from _refused_keywords(path, schema, depth)


def _refused_keywords(path: str, schema: dict[str, Json], depth: int) -> Iterator[tuple[str, str]]:
    for key, value in schema.items():
        where = join(path, key)
        if key in _REFUSED:
            yield where, f"{key} is not allowed here; write what it stands for"
        elif key == "pattern" and isinstance(value, str):
            try:
                check_pattern(value)
            except ExpressionError as error:
                yield where, str(error)
        elif key in _MAPS and isinstance(value, dict):
            for name, item in value.items():
                yield from _refused(join(where, name), item, depth + 1)
        elif key not in _VALUES:
            yield from _refused(where, value, depth + 1)
