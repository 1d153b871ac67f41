"""Entries of `spec.decisions` and `spec.signals`, added without changing those of others.

A new entry is written by server-side apply under a field manager of its own, so that two users who
decide at the same time never overwrite each other. An existing entry is replaced completely by a
JSON Patch guarded by the version: an apply would keep fields that other clients added.
"""

from __future__ import annotations

import hashlib

from orchestrator.models.base import API_VERSION
from orchestrator.operations.desired_state import MAX_MANAGER
from orchestrator.operations.errors import invalid
from orchestrator.operations.writes import EXECUTION, Apply, Edit, Manifest, Raw


def decision_of(execution: Raw, entry: Manifest) -> tuple[Apply | Edit, str]:
    """The write of a decision, and the same user's earlier decision on the node that it
    replaces."""
    decisions = execution["spec"].get("decisions") or []
    index = next((at for at, old in enumerate(decisions) if _key(old) == _key(entry)), None)
    if index is None:
        manager = f"decision-{entry['node']}-{entry['by']}"
        return entry_of(execution, "decisions", entry, manager), ""
    metadata = execution["metadata"]
    steps = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": f"/spec/decisions/{index}", "value": entry},
    ]
    return Edit(EXECUTION, metadata["name"], steps), str(decisions[index]["decision"])


def check_known(person: str, path: str) -> None:
    """Raises CommandError if the user who signs an entry is unknown."""
    if not person:
        message = "the API server does not say who you are, so you cannot decide"
        raise invalid(path, message)


def entry_of(execution: Raw, field: str, entry: Manifest, manager: str) -> Apply:
    """The write that adds an entry to a list of the execution's spec."""
    metadata = {key: execution["metadata"][key] for key in ("name", "uid")}
    if len(manager.encode()) > MAX_MANAGER:
        manager = f"{manager[:30]}-{hashlib.sha256(manager.encode()).hexdigest()[:32]}"
    manifest = {
        "apiVersion": API_VERSION,
        "kind": EXECUTION,
        "metadata": metadata,
        "spec": {field: [entry]},
    }
    return Apply(manifest, manager)


def _key(entry: Raw) -> tuple[str, str]:
    return entry["node"], entry["by"]
