"""The types of a model's fields, looked up by the location of a value."""

from __future__ import annotations

from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Location = tuple[int | str, ...]
"""Keys and indexes from the model to a value."""


def model_and_field(model: type[BaseModel], location: Location) -> tuple[str, str]:
    """The names of the model and the field at a location; an entry of a list is `field[]`."""
    entry = bool(location) and isinstance(location[-1], int)
    steps = location[:-1] if entry else location
    if not steps:
        return "", ""
    owner = annotation_at(model, steps[:-1])
    return getattr(owner, "__name__", ""), f"{steps[-1]}[]" if entry else str(steps[-1])


def fields_of(model: type[BaseModel], location: Location) -> list[str]:
    """The fields of the model at a location; empty if the type there is not a model."""
    annotation = annotation_at(model, location)
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    return [field.alias or name for name, field in annotation.model_fields.items()]


def annotation_at(model: type[BaseModel], location: Location) -> Any:
    """The type at a location of a model, without Optional."""
    annotation: Any = model
    for step in location:
        annotation = inside(plain(annotation), step)
    return plain(annotation)


def plain(annotation: Any) -> Any:
    """The type without Optional and Annotated."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation


@lru_cache(maxsize=2048)
def inside(annotation: Any, step: int | str) -> Any:
    """The type of the value at a key or index of a value of this type."""
    if get_origin(annotation) in (list, dict):
        return get_args(annotation)[-1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((f.annotation for name, f in fields if step in (f.alias, name)), None)
    return None
