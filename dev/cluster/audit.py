"""The requests that the API server has logged, whatever their clients report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPERATOR_NAMESPACE = "itechsmart-workflow"
"""The namespace whose service accounts have their reads, Events and Leases logged too."""
_READS = frozenset({"get", "list", "watch"})
_NOISE = frozenset({"events", "leases"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the log."""

    verb: str
    group: str
    """The API group of the resource; empty for the core group."""
    resource: str
    """Plural, with the subresource where there is one: `jobs`, `workflowexecutions/status`."""
    namespace: str
    name: str
    user: str
    agent: str
    """What the client calls itself, up to the first space."""
    code: int
    """HTTP status of the answer."""
    forbidden: bool
    """Whether no role of the user allowed it."""

    @property
    def writes(self) -> bool:
        """Whether it changes something other than an Event or a Lease."""
        return self.verb not in _READS and self.resource not in _NOISE

    @property
    def taken(self) -> bool:
        """Whether the API server did it."""
        return 200 <= self.code < 300


class AuditLog:
    """Reads on from where it was; `from_now` shows only what is still to come."""

    def __init__(self, path: Path, *, from_now: bool = False) -> None:
        self._path = path
        self._offset = path.stat().st_size if from_now else 0

    def new(self) -> Iterator[Request]:
        """The writes logged since the last call."""
        return (request for request in self.requests() if request.writes)

    def requests(self) -> Iterator[Request]:
        """All requests logged since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # half written: next time
                self._offset += len(line)
                yield _request(line)


def _request(line: bytes) -> Request:
    event = json.loads(line)
    about = event.get("objectRef") or {}
    part = about.get("subresource")
    decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
    return Request(
        verb=event["verb"],
        group=about.get("apiGroup", ""),
        resource=about.get("resource", "") + (f"/{part}" if part else ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        user=event["user"].get("username", ""),
        agent=event.get("userAgent", "").partition(" ")[0],
        code=event.get("responseStatus", {}).get("code", 0),
        forbidden=decision == "forbid",
    )
