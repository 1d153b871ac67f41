"""The REST API as a separate process, and HTTP clients for its users."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import route_coverage
from tests.kube import Kubectl, Operator, eventually
from tests.receiver_process import Response


class ApiProcess(Operator):
    """An API that can be killed."""

    COMMAND = "api"


@dataclass(frozen=True)
class ApiUser:
    """An HTTP client of an API on localhost, with or without a token."""

    port: int
    token: str = ""

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request to /automation/PATH; a body that is not bytes is sent as JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/automation{path}", data, {**sent, **(headers or {})})
            answer = connection.getresponse()
            route_coverage.record(method, f"/automation{path}".partition("?")[0], answer.status)
            named = {name.lower(): text for name, text in answer.getheaders()}
            return Response(answer.status, named, answer.read().decode())
        finally:
            connection.close()

    def within(self, token: str) -> ApiUser:
        """Another user of the same API."""
        return ApiUser(self.port, token)


@contextmanager
def running_api(kubeconfig: Path, log: Path, *options: str) -> Iterator[ApiUser]:
    """A running API, stopped when the context exits; the client has no token."""
    api = ApiProcess(kubeconfig, log, "--address=127.0.0.1:0", *options)
    api.start()
    try:
        found = eventually(lambda: re.search(r"served at port (\d+)", log.read_text()), within=180)
        yield ApiUser(int(found[1]))
    finally:
        api.stop()


def token_of(admin: Kubectl, name: str, role: str = "", *, everywhere: bool = False) -> str:
    """A token of a new service account in the namespace, with a role there or everywhere."""
    admin("create", "serviceaccount", name)
    account = f"--serviceaccount={admin.namespace}:{name}"
    if role and everywhere:
        binding = f"{admin.namespace}-{name}"
        admin("create", "clusterrolebinding", binding, f"--clusterrole={role}", account)
    elif role:
        admin("create", "rolebinding", name, f"--clusterrole={role}", account)
    return admin("create", "token", name, "--duration=1h").strip()


@dataclass(frozen=True)
class StreamEvent:
    """A server-sent event."""

    kind: str
    id: str
    data: Any


@contextmanager
def streaming(
    user: ApiUser, path: str, headers: Mapping[str, str] | None = None
) -> Iterator[Iterator[StreamEvent]]:
    """The events of a stream, until it ends or the context exits."""
    connection = http.client.HTTPConnection("127.0.0.1", user.port, timeout=60)
    try:
        sent = {"Authorization": f"Bearer {user.token}", **(headers or {})}
        connection.request("GET", f"/automation{path}", headers=sent)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        route_coverage.record("GET", f"/automation{path}".partition("?")[0], answer.status)
        yield _events(answer)
    finally:
        connection.close()


def _events(answer: http.client.HTTPResponse) -> Iterator[StreamEvent]:
    fields: dict[str, str] = {}
    for raw in answer:
        line = raw.decode().rstrip("\n")
        name, _, text = line.partition(": ")
        if line:
            fields[name] = text
        elif "event" in fields:
            yield StreamEvent(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
