"""A status with null values is written as a JSON patch, since a merge patch would drop them.

In a merge patch (RFC 7386) a null removes a field, at any depth. Most writes contain no null and
stay merge patches; the others express the same in operations of RFC 6902, at the same cost for the
API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FREE = ("variables", "outputs")
"""Fields of a status that contain values of users."""


def holds_null(value: Any) -> bool:
    """Whether an object in the value has a null field."""
    if isinstance(value, dict):
        return any(item is None or holds_null(item) for item in value.values())
    return isinstance(value, list) and any(holds_null(item) for item in value)


def needs_json_patch(status: Mapping[str, Any]) -> bool:
    """Whether a merge patch would drop nulls from the values in this change of a status."""
    if any(holds_null(status.get(field)) for field in _FREE):
        return True
    nodes = status.get("nodes") or {}
    return any(holds_null(record.get("outputs")) for record in nodes.values())


def json_patch(
    metadata: Mapping[str, str],
    status: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    whole_nodes: bool,
) -> list[dict[str, Any]]:
    """The merge patch of a status as JSON patch operations, guarded by the fields in `metadata`.

    `before` is the status of an execution that is being admitted, to be replaced; None if it
    already has a status of this operator. `whole_nodes` means that the change contains every node's
    record, so the status may not have any yet.
    """
    guards = [_set(f"/metadata/{field}", value) for field, value in metadata.items()]
    if before is not None:
        fields = {**before, **status, "nodes": _records(status)}
        return [*guards, _set("/status", _without_nulls(fields))]
    changes = []
    for field, value in status.items():
        if field != "nodes":
            # The schema prunes a null here: it removes the field, if it is there at all.
            changes.append(_set(f"/status/{field}", value))
    if whole_nodes:
        return [*guards, *changes, _set("/status/nodes", _records(status))]
    nodes = (_set(f"/status/nodes/{name}", record) for name, record in _records(status).items())
    return [*guards, *changes, *nodes]


def _records(status: Mapping[str, Any]) -> dict[str, Any]:
    nodes = status.get("nodes") or {}
    return {name: _without_nulls(record) for name, record in nodes.items()}


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if value is not None}


def _set(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}
