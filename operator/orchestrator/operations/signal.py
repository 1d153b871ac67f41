"""Sends a signal to an execution, for a node that waits for it or will."""

from __future__ import annotations

import json
from collections.abc import Mapping

from orchestrator.engine.nodes.wait import MAX_PAYLOAD
from orchestrator.models.base import Json
from orchestrator.models.reasons import Reason
from orchestrator.operations.entries import check_known, entry_of
from orchestrator.operations.errors import conflict, invalid
from orchestrator.operations.executions import check_runs
from orchestrator.operations.writes import Apply, Manifest, Raw

PAYLOAD = "spec.signals[].payload"


def signal(
    execution: Raw, name: str, *, by: str, identity: str, payload: Mapping[str, Json] | None = None
) -> Apply:
    """Send a signal in a user's name; sent twice under the same identity, it counts once.

    Raises CommandError if it would not count.
    """
    check_runs(execution)
    _check_counts(execution)
    check_known(by, "spec.signals[].by")
    entry: Manifest = {"id": identity, "name": name, "by": by}
    if payload is not None:
        _check_size(payload)
        entry["payload"] = dict(payload)
    return entry_of(execution, "signals", entry, f"signal-{identity}")


def _check_size(payload: Mapping[str, Json]) -> None:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    if (size := len(text.encode(errors="surrogatepass"))) > MAX_PAYLOAD:
        raise invalid(PAYLOAD, f"at most {MAX_PAYLOAD} bytes, not {size}")


def _check_counts(execution: Raw) -> None:
    records = (execution.get("status") or {}).get("nodes") or {}
    for node, record in records.items():
        if record.get("reason") == Reason.SIGNALS_UNPROTECTED:
            name = execution["metadata"]["name"]
            raise conflict("status.nodes", f"{node} of {name} is waiting, but {record['message']}")
