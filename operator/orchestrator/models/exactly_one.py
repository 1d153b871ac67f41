"""Objects with exactly one of several fields: the CEL rule, and the message for violations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from orchestrator.models.cel_text import literal


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """The constraint that an object has exactly one of several fields."""

    noun: str
    """The object in messages, with its article."""
    fields: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The constraint in CEL."""
        present = ", ".join(f"has(self.{name})" for name in self.fields)
        return f"[{present}].filter(x, x).size() == 1"

    @property
    def general(self) -> str:
        """The message without the fields that the object has."""
        return f"{self.noun} has exactly one of {', '.join(self.fields[:-1])} and {self.fields[-1]}"

    @property
    def cel(self) -> str:
        """The message in CEL."""
        none = " && ".join(f"!has(self.{name})" for name in self.fields)
        beginning = literal(f"{self.general}; this one has ")
        present = " + ".join(
            f"(has(self.{name}) ? {literal(f' and {name}')} : '')" for name in self.fields
        )
        return f"{beginning} + ({none} ? 'none' : ({present}).substring(5))"

    def problem(self, value: BaseModel) -> str:
        """The message about an object; empty if it has exactly one of the fields."""
        names = {field.alias or name: name for name, field in type(value).model_fields.items()}
        present = [name for name in self.fields if getattr(value, names[name]) is not None]
        return "" if len(present) == 1 else self.message(present)

    def message(self, present: Sequence[str]) -> str:
        """The message about an object in which these of the fields are present."""
        return f"{self.general}; this one has {' and '.join(present) or 'none'}"


NODE = ExactlyOne(
    "a node",
    ("action", "condition", "approval", "delay", "workflow", "transform", "wait", "fail"),
)
WAIT = ExactlyOne("a wait", ("until", "signal"))
TEMPLATE = ExactlyOne("a template", ("action", "workflow"))
VALUE_FROM = ExactlyOne("valueFrom", ("secretKeyRef", "configMapKeyRef", "fieldRef"))
ENV_FROM = ExactlyOne("an entry of envFrom", ("configMapRef", "secretRef"))
VOLUME = ExactlyOne("a volume", ("emptyDir", "configMap", "secret", "persistentVolumeClaim"))
