"""A fake API server over HTTP, with versions, conflicts, pages, watches, bookmarks and expiry.

It accepts objects of every kind. Objects under `…/status` are patched in
their status only, as with the status subresource.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.selectors import selects

Raw = dict[str, Any]

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>status))?"
)


class ApiServer:
    """Objects by (plural, namespace, name), and what happened to them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Raw] = {}
        self.version = 100
        self.oldest = 0
        self.page_limit = 500
        self.faults: deque[web.Response] = deque()
        """Answers given instead of the right ones, first come first served."""
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[tuple[str, str, Any]] = []
        self.watched = 0
        """Watches begun so far."""
        self._events: list[tuple[int, str, str, Raw, Raw | None]] = []
        self._changed = asyncio.Condition()
        self._streams: set[web.StreamResponse] = set()
        self._server: TestServer | None = None

    async def start(self) -> str:
        """Serve; the address."""
        application = web.Application()
        application.router.add_route("*", "/{rest:.*}", self.answer)
        self._server = TestServer(application)
        await self._server.start_server()
        return str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        """End all watches and stop serving."""
        await self.break_watches()
        assert self._server is not None
        await self._server.close()

    # What tests do behind the clients' backs

    async def put(self, plural: str, namespace: str, name: str, **fields: Any) -> Raw:
        """Create or replace an object."""
        key = (plural, namespace, name)
        old = self.objects.get(key)
        metadata = {"name": name, "namespace": namespace, **fields.pop("metadata", {})}
        metadata.setdefault("uid", old["metadata"]["uid"] if old else f"uid-{self.version}")
        metadata.setdefault("generation", 1)
        return await self._store(key, {"metadata": metadata, **fields})

    async def remove(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object."""
        raw = copy.deepcopy(self.objects.pop((plural, namespace, name)))
        await self._happened(plural, "DELETED", raw, raw)

    async def compact(self) -> None:
        """Forget all events, so that watches from earlier versions expire."""
        self.oldest = self.version
        await self.break_watches()

    async def bookmark(self, plural: str) -> None:
        """Tell every watch how far it is."""
        self.version += 1
        await self._tell(plural, "BOOKMARK", {"metadata": {}}, None)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something that was written makes this true."""
        async with asyncio.timeout(120), self._changed:
            while not holds():
                await self._changed.wait()

    async def break_watches(self) -> None:
        """Close the connections of all watches."""
        for stream in list(self._streams):
            assert stream._req is not None
            if stream._req.transport is not None:
                stream._req.transport.close()
        await asyncio.sleep(0)

    # Answers

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request; servers with more than objects put it in here."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _status(404, "NotFound", request.path)
        parts = match.groupdict()
        self.requests.append((request.method, request.path))
        if self.faults:
            return self.faults.popleft()
        plural, namespace, name = parts["plural"], parts["namespace"], parts["name"]
        if request.method == "POST":
            return await self.create(request, plural, namespace or "")
        if name is None:
            if request.query.get("watch"):
                return await self._watch(request, plural, namespace)
            return self.list(request, plural, namespace)
        key = (plural, namespace or "", name)
        if key not in self.objects and request.content_type != "application/apply-patch+yaml":
            return _status(404, "NotFound", f'{plural} "{name}" not found')
        match request.method:
            case "GET":
                return _json(self._shown(request, self.objects[key]))
            case "PATCH":
                return await self._patch(request, key, parts["subresource"] == "status")
            case "DELETE":
                return await self._delete(request, key)
        return _status(405, "MethodNotAllowed", request.method)

    async def create(self, request: web.Request, plural: str, namespace: str) -> web.Response:
        """The answer to a creation."""
        body = await request.json()
        metadata = body["metadata"]
        name = metadata.get("name") or f"{metadata['generateName']}{self.version}"
        if (plural, namespace, name) in self.objects:
            return _status(409, "AlreadyExists", f'{plural} "{name}" already exists')
        self.bodies.append(("POST", plural, body))
        metadata = {"uid": f"uid-{self.version}", "generation": 1, **metadata}
        metadata |= {"name": name, "namespace": namespace}
        raw = await self._store((plural, namespace, name), {**body, "metadata": metadata})
        return _json(raw, status=201)

    async def _patch(
        self, request: web.Request, key: tuple[str, str, str], status_only: bool
    ) -> web.Response:
        body = await request.json()
        self.bodies.append(("PATCH", key[0], body))
        if request.content_type == "application/apply-patch+yaml":
            old = self.objects.get(key, {"metadata": {"uid": f"uid-{self.version}"}})
        else:
            old = self.objects[key]
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            return _status(409, "Conflict", "the object has been modified")
        body.setdefault("metadata", {}).pop("resourceVersion", None)
        new = merged(old, {"status": body["status"]} if status_only else body)
        if new != old:
            new = await self._store(key, new)
        return _json(self._shown(request, new))

    async def _delete(self, request: web.Request, key: tuple[str, str, str]) -> web.Response:
        body = await request.json()
        self.bodies.append(("DELETE", key[0], body))
        metadata = self.objects[key]["metadata"]
        for field, value in (body.get("preconditions") or {}).items():
            if metadata[field] != value:
                return _status(409, "Conflict", f"precondition failed: {field}")
        await self.remove(*key)
        return _json({"kind": "Status", "status": "Success"})

    def list(self, request: web.Request, plural: str, namespace: str | None) -> web.Response:
        """The answer to a list."""
        chosen = [
            raw
            for (kind, scope, _), raw in sorted(self.objects.items())
            if kind == plural and namespace in (None, scope) and selects(request.query, raw)
        ]
        start = int(request.query.get("continue") or 0)
        if start and start < 0:
            return _status(410, "Expired", "the continue token is too old")
        limit = min(int(request.query.get("limit") or 500), self.page_limit)
        page = [self._shown(request, raw) for raw in chosen[start : start + limit]]
        rest = {"continue": str(start + limit)} if start + limit < len(chosen) else {}
        return _json({"metadata": {"resourceVersion": str(self.version), **rest}, "items": page})

    async def _watch(
        self, request: web.Request, plural: str, namespace: str | None
    ) -> web.StreamResponse:
        version = int(request.query["resourceVersion"])
        if version < self.oldest:
            return _status(410, "Expired", "too old resource version")
        response = web.StreamResponse()
        await response.prepare(request)
        self._streams.add(response)
        async with self._changed:
            self.watched += 1
            self._changed.notify_all()
        position = 0
        try:
            while True:
                while position < len(self._events):
                    at, kind, of, new, old = self._events[position]
                    position += 1
                    if at <= version or of != plural:
                        continue
                    if kind != "BOOKMARK" and namespace not in (
                        None,
                        new["metadata"].get("namespace"),
                    ):
                        continue
                    event = self._as_seen(request, kind, new, old)
                    if event is not None:
                        await response.write(json.dumps(event).encode() + b"\n")
                async with self._changed:
                    while position == len(self._events):
                        await self._changed.wait()
        except ConnectionError:
            return response
        finally:
            self._streams.discard(response)

    def _as_seen(
        self, request: web.Request, kind: str, new: Raw, old: Raw | None
    ) -> dict[str, Any] | None:
        """The event as a watch with selectors sees it: leaving the selection is a deletion."""
        if kind in ("BOOKMARK", "DELETED"):
            return {"type": kind, "object": self._shown(request, new)}
        selected = selects(request.query, new)
        before = old is not None and selects(request.query, old)
        if not selected:
            return {"type": "DELETED", "object": old} if before else None
        shown = self._shown(request, new)
        return {"type": "MODIFIED" if before else "ADDED", "object": shown}

    def _shown(self, request: web.Request, raw: Raw) -> Raw:
        if "PartialObjectMetadata" in request.headers.get("Accept", ""):
            return {"kind": "PartialObjectMetadata", "metadata": raw["metadata"]}
        return raw

    # State

    async def _store(self, key: tuple[str, str, str], raw: Raw) -> Raw:
        old = self.objects.get(key)
        self.version += 1
        new = copy.deepcopy(raw)
        new["metadata"]["resourceVersion"] = str(self.version)
        if old and old.get("spec") != new.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        self.objects[key] = new
        await self._tell(key[0], "ADDED" if old is None else "MODIFIED", new, old)
        return new

    async def _happened(self, plural: str, kind: str, new: Raw, old: Raw | None) -> None:
        self.version += 1
        await self._tell(plural, kind, new, old)

    async def _tell(self, plural: str, kind: str, new: Raw, old: Raw | None) -> None:
        seen = copy.deepcopy(new)
        seen["metadata"]["resourceVersion"] = str(self.version)
        self._events.append((self.version, kind, plural, seen, old))
        async with self._changed:
            self._changed.notify_all()


def merged(old: Raw, patch: Raw) -> Raw:
    """A JSON merge patch (RFC 7386)."""
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def _json(body: Raw, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


def _status(code: int, reason: str, message: str, **headers: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code, headers=headers)


def busy(seconds: str = "0", code: int = 429) -> web.Response:
    """An answer that asks to come again."""
    return _status(code, "TooManyRequests", "come again", **{"Retry-After": seconds})


def starting(message: str = "") -> web.Response:
    """What an API server answers that has not read its roles, or its namespaces, yet."""
    who = 'User "operator" cannot create resource "jobs" in API group "batch" in the namespace "a"'
    return _status(403, "Forbidden", f"jobs.batch is forbidden: {message or who}")
