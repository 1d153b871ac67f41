"""Incidents as custom resources of the namespace, whose timeline the operator keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.cluster import Object, annotations_of
from orchestrator.actions.incident.backend import Fields, Record
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.base import API_VERSION, GROUP
from orchestrator.models.incident import MAX_NOTES, IncidentState, Severity

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

T = TypeVar("T")
MAX_CONFLICTS = 5
"""Number of retries of a change after a concurrent change of the incident."""
KEY = f"{GROUP}/idempotency-key"
"""Annotation: the idempotency key of the attempt that last opened the incident."""
EXECUTION = f"{GROUP}/execution"
"""Annotation: the execution that last opened the incident."""
WORKFLOW = f"{GROUP}/workflow"
"""Label: the workflow that opened the incident."""


class IncidentResources:
    """The Incidents of the action's namespace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, name: str, fields: Fields) -> tuple[Record, bool]:
        """Open an incident; one of the same name is reused, or reopened if it is resolved."""
        return self._retry_conflicts(lambda: self._open_once(name, fields))

    def change(self, name: str, fields: Fields) -> tuple[Record, list[str]]:
        """Set fields of the spec and add links; does not write if nothing changes."""
        return self._retry_conflicts(lambda: self._change_once(name, fields))

    def note(self, name: str, text: str) -> tuple[Record, bool]:
        """Append a note; the oldest ones beyond the maximum remain in the timeline only."""
        return self._retry_conflicts(lambda: self._note_once(name, text))

    def _open_once(self, name: str, fields: Fields) -> tuple[Record, bool]:
        context, cluster = self._context, self._context.cluster()
        own_name = name or _name(context)
        found = cluster.find(INCIDENTS, context.identity.namespace, own_name)
        body = _incident(own_name, fields, context)
        if found is None:
            incident = cluster.create(INCIDENTS, context.identity.namespace, body)
            context.log(f"opened incident {own_name}")
            return _record(incident), True
        if annotations_of(found).get(KEY) == context.identity.key:
            context.log(f"incident {own_name} was opened by an earlier attempt")
            return _record(found), not name
        if _record(found).state is not IncidentState.RESOLVED:
            context.log(f"incident {own_name} exists and is {_record(found).state}")
            return _record(found), False
        patch = {"metadata": body["metadata"], "spec": body["spec"]}
        incident = self._merge(cluster, found, patch)
        context.log(f"reopened incident {own_name}")
        return _record(incident), False

    def _change_once(self, name: str, fields: Fields) -> tuple[Record, list[str]]:
        cluster, incident = self._read(name)
        desired = _with_links(fields, incident["spec"])
        changed = {
            field: value for field, value in desired.items() if incident["spec"].get(field) != value
        }
        if not changed:
            self._context.log(f"incident {name} is unchanged")
            return _record(incident), []
        incident = self._merge(cluster, incident, {"spec": changed})
        self._context.log(f"incident {name}: changed {', '.join(changed)}")
        return _record(incident), sorted(changed)

    def _note_once(self, name: str, text: str) -> tuple[Record, bool]:
        cluster, incident = self._read(name)
        identity = self._context.identity
        own_id = hashlib.sha256(identity.key.encode()).hexdigest()[:16]
        notes = incident["spec"].get("notes", [])
        if own_id in [note["id"] for note in notes]:
            self._context.log(f"incident {name}: an earlier attempt has added the note")
            return _record(incident), False
        author = "/".join(part for part in (identity.workflow, identity.node) if part)
        note = {"id": own_id, "text": text, "author": author[:253]}
        kept = [*notes, note][-MAX_NOTES:]
        incident = self._merge(cluster, incident, {"spec": {"notes": kept}})
        self._context.log(f"incident {name}: added a note")
        return _record(incident), True

    def _read(self, name: str) -> tuple[BlockingClient, Object]:
        cluster = self._context.cluster()
        return cluster, cluster.get(INCIDENTS, self._context.identity.namespace, name)

    def _retry_conflicts(self, work: Callable[[], T]) -> T:
        """Apply a change, and retry it on the current incident after a concurrent change."""
        for attempt in range(MAX_CONFLICTS):
            try:
                return work()
            except ConflictError as conflict:
                self._context.log(f"{conflict}; retrying")
                self._context.clock.sleep(0.1 * 2**attempt)
        return work()

    def _merge(self, cluster: BlockingClient, incident: Object, patch: Object) -> Object:
        """Patch the incident; raises ConflictError if it has changed since it was read."""
        metadata, name = patch.get("metadata", {}), incident["metadata"]["name"]
        version = {"resourceVersion": incident["metadata"]["resourceVersion"]}
        guarded = {**patch, "metadata": {**metadata, **version}}
        try:
            return cluster.merge(INCIDENTS, self._context.identity.namespace, name, guarded)
        except ApiError as error:
            if error.status == 409:
                message = f"incident {name} was changed concurrently"
                raise ConflictError(message) from error
            raise


class ConflictError(ActionError):
    """The incident was changed concurrently since it was read."""


def _name(context: Context) -> str:
    prefix = context.identity.workflow[:40].strip("-.") or "incident"
    return f"{prefix}-{hashlib.sha256(context.identity.key.encode()).hexdigest()[:16]}"


def _incident(name: str, fields: Fields, context: Context) -> Object:
    identity = context.identity
    return {
        "apiVersion": API_VERSION,
        "kind": "Incident",
        "metadata": {
            "name": name,
            "labels": {WORKFLOW: identity.workflow} if identity.workflow else {},
            "annotations": {KEY: identity.key, EXECUTION: identity.execution},
        },
        "spec": {**fields, "state": IncidentState.OPEN.value},
    }


def _with_links(fields: Fields, spec: Object) -> dict[str, Any]:
    existing = spec.get("links", [])
    urls = {link["url"] for link in existing}
    new = [link for link in fields.get("links", []) if link.get("url") not in urls]
    others = {field: value for field, value in fields.items() if field != "links"}
    return {**others, "links": [*existing, *new]} if new else others


def _record(incident: Object) -> Record:
    spec = cast("Fields", incident["spec"])
    return Record(
        name=incident["metadata"]["name"],
        state=IncidentState(spec.get("state", IncidentState.OPEN)),
        severity=Severity(spec.get("severity", Severity.MEDIUM)),
    )
