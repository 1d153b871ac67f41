"""The page of trigger types, made from the registry of triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dev.reference.markdown import anchor, code, page, section, sentence, table
from orchestrator.models.structural import structural
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Changes, Manual, Requests, Watch
from orchestrator.triggers.trigger_type import TriggerType


def trigger_types() -> str:
    """Every type with its settings and the fields of its event."""
    return page(
        "Trigger types",
        "A Trigger has exactly one type: the key in `spec` that holds its settings. Expressions in "
        "`filter`, `payload`, `dedupe.key` and `variables` read what happened as `event`. A field "
        "that the event does not have makes the Trigger invalid.",
        *[_type(each) for each in REGISTRY.types],
    )


def _type(type_: TriggerType[Any]) -> str:
    settings = f"spec.{type_.key}"
    source = _observes(type_)
    fields = structural(type_.event)["properties"].items()
    return section(
        type_.key,
        f"{sentence(type_.starts)} {source} Settings: "
        f"[{code(settings)}](resources/trigger.md#{anchor(settings)}).",
        table(
            ("Field of `event`", "Type", "Description"),
            [
                (code(f"event.{name}"), _type_of(field), sentence(field.get("description", "")))
                for name, field in fields
            ],
        ),
    )


def _observes(type_: TriggerType[Any]) -> str:
    match type_.source:
        case Watch(resource=resource):
            return f"It watches the {resource} of its namespace."
        case Manual():
            return "It observes nothing: people run it."
        case Changes():
            return "It follows the objects of its namespace."
        case Requests():
            return "The [receiver](receiver.md) takes it at `/triggers/NAMESPACE/NAME`."
        case _:
            return "It observes the clock."


def _type_of(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(code(str(value)) for value in field["enum"])
    if field.get("format") == "date-time":
        return "timestamp"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "map of any value"
    return str(field["type"])
