"""What the backends of other services share: what is found, what is changed, what is noted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.actions.action import Context
from orchestrator.actions.cluster import Object
from orchestrator.actions.incident.backend import Fields, Record, as_note
from orchestrator.actions.references import reference, signature
from orchestrator.models.incident import IncidentState

Native = dict[str, Any]
"""Values in the service's own terms, by the name of the field of an Incident."""


class RemoteBackend(ABC):
    """A backend whose incidents are objects of a service's API."""

    service_name: str
    """The service's name for users."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, name: str, fields: Fields) -> tuple[Record, bool]:
        """Open an incident, unless the service has one with the reference in it.

        With a name, a resolved one does not count: most services do not reopen an incident.
        """
        ref = reference(self._context, name)
        found = self.find(ref, unresolved=bool(name))
        if found is not None:
            record = self.record(found)
            self._context.log(f"{self.service_name} has incident {record.name}: {record.state}")
            return record, not name
        record = self.record(self.create(ref, fields, self.native(fields)))
        self._context.log(f"opened incident {record.name} in {self.service_name}")
        return record, True

    def change(self, name: str, fields: Fields) -> tuple[Record, list[str]]:
        """Change the fields that differ; summary and links become a note."""
        found = self.get(name)
        wanted = self.native(fields)
        changes = {
            field: value for field, value in wanted.items() if not self.has(found, field, value)
        }
        text = as_note(fields)
        noted = bool(text) and self._noted(found, text)
        changed = sorted(
            [*changes, *(each for each in ("links", "summary") if noted and fields.get(each))]
        )
        if changes:
            found = self.write(found, changes | {"note": text})
        what = f"changed {', '.join(changed)}" if changed else "is unchanged"
        self._context.log(f"{self.service_name} incident {name}: {what}")
        return self.record(found), changed

    def note(self, name: str, text: str) -> tuple[Record, bool]:
        """Add a note, unless an earlier attempt has added it."""
        found = self.get(name)
        added = self._noted(found, text)
        what = "added a note" if added else "the note exists"
        self._context.log(f"{self.service_name} incident {name}: {what}")
        return self.record(found), added

    def _noted(self, found: Object, text: str) -> bool:
        ref = reference(self._context)
        if any(ref in note for note in self.notes(found)):
            return False
        self.add_note(found, f"{text}\n\n{signature(self._context)} ({ref})")
        return True

    def has(self, found: Object, field: str, value: Any) -> bool:
        """Whether a field of the incident has this value, in the service's terms."""
        return bool(self.current(found).get(field) == value)

    @abstractmethod
    def find(self, ref: str, *, unresolved: bool) -> Object | None:
        """The incident that was opened with this reference, if there is one."""

    @abstractmethod
    def create(self, ref: str, fields: Fields, native: Native) -> Object:
        """Open an incident with this reference."""

    @abstractmethod
    def get(self, name: str) -> Object:
        """The incident of this name; raises a permanent ActionError if there is none."""

    @abstractmethod
    def record(self, found: Object) -> Record:
        """The incident for the outputs."""

    @abstractmethod
    def native(self, fields: Fields) -> Native:
        """The fields in the service's terms, without summary and links."""

    @abstractmethod
    def current(self, found: Object) -> Native:
        """The incident's fields in the service's terms."""

    @abstractmethod
    def write(self, found: Object, changes: Native) -> Object:
        """Write the changes; their `note` is what was noted with them."""

    @abstractmethod
    def notes(self, found: Object) -> Iterable[str]:
        """The texts of the notes."""

    @abstractmethod
    def add_note(self, found: Object, text: str) -> None:
        """Add a note."""


def inverse(states: Mapping[IncidentState, str]) -> dict[str, IncidentState]:
    """The states by the service's own."""
    return {own: state for state, own in states.items()}
