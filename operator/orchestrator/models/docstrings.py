"""Descriptions of a model's fields: the docstrings below them.

Pydantic reads them as each class is made (`use_attribute_docstrings`), which is a fifth of the
start of every process. They are needed only where a schema, a Template or a page is made.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field that has one, by the field's name: of the model and of its base
    classes."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= _own(cls)
    return found


def description(model: type[BaseModel], name: str) -> str:
    """The description of a field, or an empty string."""
    return model.model_fields[name].description or field_docstrings(model).get(name, "")


def add_descriptions(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Add the docstrings to the properties of the model's JSON Schema that have no description."""
    properties = schema.get("properties", {})
    for name, text in field_docstrings(model).items():
        if (field := model.model_fields.get(name)) is not None:
            _property(properties, name, field).setdefault("description", text)


def _property(
    properties: Mapping[str, dict[str, Any]], name: str, field: FieldInfo
) -> dict[str, Any]:
    for key in (field.alias, field.serialization_alias, name):
        if key is not None and key in properties:
            return properties[key]
    return {}


@functools.cache
def _own(cls: type[BaseModel]) -> Mapping[str, str]:
    """The docstrings of the fields that a class declares. A class that was made by a function has
    no source, and describes its fields itself."""
    try:
        source = inspect.getsource(cls)
    except OSError:
        return {}
    body = ast.parse(textwrap.dedent(source)).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    found: dict[str, str] = {}
    for field, text in pairwise(body.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(docstring))):
                found[name] = inspect.cleandoc(docstring)
    return found
