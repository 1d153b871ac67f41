"""A store of OpenTofu's state with locks, as strict as GitLab's for the backend `http`.

https://opentofu.org/docs/language/settings/backends/http/
"""

from __future__ import annotations

import json
from typing import Any

from tests.vendors.stub import RefusedError, Request, Response, Stub

USER, PASSWORD = "automation", "state-s3cr3t"
_LOCK = {
    "type": "object",
    "properties": {"ID": {"type": "string", "minLength": 1}, "Who": {"type": "string"}},
    "required": ["ID", "Operation", "Who", "Version", "Created"],
}


class StateStore(Stub):
    """One state at /state, whose lock is at /state/lock."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, Any] | None = None
        self.lock: dict[str, Any] | None = None
        self.route("GET", "/state", self.read)
        self.route("POST", "/state", self.write)
        self.route("POST", "/state/lock", self.acquire)
        self.route("DELETE", "/state/lock", self.release)

    def backend(self) -> dict[str, Any]:
        """The block `backend "http"` of a configuration in JSON, without the password."""
        lock = f"{self.url}/state/lock"
        return {
            "address": f"{self.url}/state",
            "lock_address": lock, "lock_method": "POST",
            "unlock_address": lock, "unlock_method": "DELETE",
            "retry_max": 0,
        }  # fmt: skip

    def read(self, request: Request) -> Response:
        request.demand_basic(USER, PASSWORD)
        return Response(200, json.dumps(self.state).encode()) if self.state else Response(404)

    def write(self, request: Request) -> Response:
        request.demand_basic(USER, PASSWORD)
        if self.lock is None or request.query.get("ID") != [self.lock["ID"]]:
            raise RefusedError(423, "the state is written without its lock")
        self.state = json.loads(request.body)
        return Response(200)

    def acquire(self, request: Request) -> Response:
        request.demand_basic(USER, PASSWORD)
        asked = request.json(_LOCK)
        if self.lock is not None:
            return Response(423, json.dumps(self.lock).encode())
        self.lock = asked
        return Response(200)

    def release(self, request: Request) -> Response:
        request.demand_basic(USER, PASSWORD)
        if self.lock is None or json.loads(request.body or b"{}").get("ID") != self.lock["ID"]:
            raise RefusedError(409, "this is not the lock of the state")
        self.lock = None
        return Response(200)
