"""What expressions may read of an event: what its model declares, as deep as that goes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from orchestrator.validation.annotations import plain
from orchestrator.validation.rules.references import unknown_key

_SCALARS = (str, int, float, bool)


def unknown_field(reference: tuple[str, ...], event: type[BaseModel]) -> str | None:
    """That a reference such as `event.outputs.x` leads to nothing; None where it may lead on.

    What is under a list or an object of any keys is not known before the event.
    """
    owner = reference[0]
    found: Any = event
    for step in reference[1:]:
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            scalar = isinstance(found, type) and issubclass(found, _SCALARS)
            return f"{owner} has no keys: it is a single value" if scalar else None
        fields = _fields(found)
        if wrong := unknown_key(owner, (step,), tuple(fields)):
            return wrong
        owner, found = f"{owner}.{step}", fields[step]
    return None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields, by the names that manifests have."""
    return {
        field.alias or name: plain(field.annotation) for name, field in model.model_fields.items()
    }
