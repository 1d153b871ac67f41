"""Checks references to an event, as deep as the event's model declares fields."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from orchestrator.validation.annotations import plain
from orchestrator.validation.rules.references import unknown_key

_SCALARS = (str, int, float, bool)


def unknown_field(reference: tuple[str, ...], event: type[BaseModel]) -> str | None:
    """The problem of a reference such as `event.outputs.x`; None if it may resolve.

    The contents of lists and of objects with arbitrary keys are not known before the event.
    """
    owner = reference[0]
    annotation: Any = event
    for step in reference[1:]:
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            scalar = isinstance(annotation, type) and issubclass(annotation, _SCALARS)
            return f"{owner} has no keys: it is a single value" if scalar else None
        fields = _fields(annotation)
        if wrong := unknown_key(owner, (step,), tuple(fields)):
            return wrong
        owner, annotation = f"{owner}.{step}", fields[step]
    return None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields, by their names in manifests."""
    return {
        field.alias or name: plain(field.annotation) for name, field in model.model_fields.items()
    }
