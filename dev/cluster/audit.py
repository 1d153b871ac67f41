"""The API server's own account of what was written, which no contender can embellish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes something; Events and Leases are not in the log."""

    verb: str
    resource: str
    """Plural, with the subresource where there is one: `jobs`, `workflowexecutions/status`."""
    namespace: str
    name: str
    user: str
    agent: str
    """What the client calls itself, up to the first space."""
    code: int
    """HTTP status of the answer."""

    @property
    def taken(self) -> bool:
        """Whether the API server did it."""
        return 200 <= self.code < 300


class AuditLog:
    """Reads on from where it was; `from_now` shows only what is still to come."""

    def __init__(self, path: Path, *, from_now: bool = False) -> None:
        self._path = path
        self._offset = path.stat().st_size if from_now else 0

    def new(self) -> Iterator[Write]:
        """The writes logged since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # half written: next time
                self._offset += len(line)
                yield _write(line)


def _write(line: bytes) -> Write:
    event = json.loads(line)
    about = event.get("objectRef") or {}
    part = about.get("subresource")
    return Write(
        verb=event["verb"],
        resource=about.get("resource", "") + (f"/{part}" if part else ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        user=event["user"].get("username", ""),
        agent=event.get("userAgent", "").partition(" ")[0],
        code=event.get("responseStatus", {}).get("code", 0),
    )
