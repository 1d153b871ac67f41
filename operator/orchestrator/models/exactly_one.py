"""Objects that have exactly one of some fields: the rule, and the message about any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from orchestrator.models.cel_text import literal


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """That an object has exactly one of some fields."""

    what: str
    """The object, with its article."""
    fields: tuple[str, ...]

    @property
    def rule(self) -> str:
        """What must hold, in CEL."""
        present = ", ".join(f"has(self.{name})" for name in self.fields)
        return f"[{present}].filter(x, x).size() == 1"

    @property
    def general(self) -> str:
        """The message without what the object has."""
        return f"{self.what} has exactly one of {', '.join(self.fields[:-1])} and {self.fields[-1]}"

    @property
    def cel(self) -> str:
        """The message, in CEL."""
        nothing = " && ".join(f"!has(self.{name})" for name in self.fields)
        beginning = literal(f"{self.general}; this one has ")
        present = " + ".join(
            f"(has(self.{name}) ? {literal(f' and {name}')} : '')" for name in self.fields
        )
        return f"{beginning} + ({nothing} ? 'none' : ({present}).substring(5))"

    def problem(self, given: BaseModel) -> str:
        """The message about an object; empty if it has exactly one."""
        names = {field.alias or name: name for name, field in type(given).model_fields.items()}
        present = [name for name in self.fields if getattr(given, names[name]) is not None]
        return "" if len(present) == 1 else self.message(present)

    def message(self, present: Sequence[str]) -> str:
        """The message about an object that has these of the fields."""
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
