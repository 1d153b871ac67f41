"""An API server that behaves, in memory: what of a real one the operator relies on.

Resource versions, conflicts, preconditions, merge patches and server-side apply, the status
subresource, selectors, pages, watches with bookmarks that expire, owners whose deletion takes what
they own along. It says no in the words of the real one; tests/cluster/test_same_as_the_fake.py
holds it against that.
"""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from orchestrator.controller.errors import ApiError
from orchestrator.engine.times import to_rfc3339
from tests.apiserver import merged
from tests.selectors import selects

Raw = dict[str, Any]
Key = tuple[str, str, str]
"""(plural, namespace, name); a cluster-scoped object has an empty namespace."""
Change = Callable[[str, Raw | None, Raw | None], None]
"""Called with the plural, the object before (None when created) and after (None when gone)."""

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>status))?"
)
_UIDS = uuid.UUID("6ba7b814-9dad-11d1-80b4-00c04fd430c8")
_WITH_STATUS = {"workflowexecutions", "workflows", "triggers", "templates", "clustertemplates",
                "jobs", "pods"}  # fmt: skip
_GENERATIONS = _WITH_STATUS - {"pods"}


class Store:
    """Objects, and every change of them in order."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self.clock = clock
        self._rng = rng
        self.objects: dict[Key, Raw] = {}
        self.version = 1000
        self.compacted = 0
        """Watches from before this version expire."""
        self.observers: list[Change] = []
        self._of: defaultdict[str, dict[Key, Raw]] = defaultdict(dict)
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)
        self._named: Counter[Key] = Counter()
        """How often each name was taken: uids tell apart, and are the same in every run."""
        self._log: list[tuple[int, str, str, Raw, Raw | None]] = []
        self._watches: defaultdict[str, dict[asyncio.Event, None]] = defaultdict(dict)
        """In the order of their beginning: a set's would differ from run to run."""
        self.delete_pod: Callable[[Key, float], None] = lambda key, _: self.remove(key)
        """How a pod is deleted, given its grace in seconds: the kubelet takes its time."""

    # Requests

    def answer(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        accept: str,
    ) -> Raw:
        """The answer to one request. Raises ApiError as the client would."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        plural, namespace, name = match["plural"], match["namespace"] or "", match["name"] or ""
        key = (plural, namespace, name)
        match verb:
            case "list":
                answer = self._list(plural, namespace, query)
            case "get":
                answer = self._found(key)
            case "create":
                answer = self.create(plural, namespace, body)
            case "patch":
                answer = self.patch(key, body, status=bool(match["subresource"]))
            case "apply":
                answer = self._apply(key, body)
            case "delete":
                answer = self._delete(key, body or {})
            case _:
                raise ApiError(405, "MethodNotAllowed", verb)
        shown = _metadata(answer) if "PartialObjectMetadata" in accept else answer
        result: Raw = orjson.loads(orjson.dumps(shown))
        return result

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Raw]:
        """Events from a version on; raises ApiError when the version is too old."""
        match = _PATH.fullmatch(path)
        assert match is not None
        plural, namespace = match["plural"], match["namespace"]
        version = int(query["resourceVersion"])
        if version < self.compacted:
            raise ApiError(410, "Expired", f"too old resource version: {version}")
        news = asyncio.Event()
        self._watches[plural][news] = None
        position = len(self._log)
        while position and self._log[position - 1][0] > version:
            position -= 1
        end = self.clock() + float(query.get("timeoutSeconds", 300))
        try:
            while True:
                while position < len(self._log):
                    at, kind, of, new, old = self._log[position]
                    position += 1
                    if of != plural or namespace not in (None, new["metadata"].get("namespace")):
                        continue
                    if (event := _as_seen(query, kind, new, old, at)) is not None:
                        yield orjson.loads(orjson.dumps(event))
                news.clear()
                if (left := end - self.clock()) < 0.01:
                    return
                try:
                    async with asyncio.timeout(min(left, 60.0)):
                        await news.wait()
                except TimeoutError:
                    mark = {"metadata": {"resourceVersion": str(self.version)}}
                    yield {"type": "BOOKMARK", "object": mark}
        finally:
            self._watches[plural].pop(news, None)

    # Changes

    def create(self, plural: str, namespace: str, body: Raw) -> Raw:
        """A new object. Raises ApiError 409 where the name is taken."""
        metadata = body["metadata"]
        name = metadata.get("name") or f"{metadata['generateName']}{self._rng.getrandbits(25):05x}"
        key = (plural, namespace, name)
        if key in self.objects:
            raise ApiError(409, "AlreadyExists", f'{plural} "{name}" already exists')
        self._named[key] += 1
        made = {
            **{field: value for field, value in metadata.items() if field != "generateName"},
            "name": name,
            "uid": str(uuid.uuid5(_UIDS, f"{'/'.join(key)} {self._named[key]}")),
            "creationTimestamp": to_rfc3339(self.clock())[:19] + "Z",
            "generation": 1,
        }
        if namespace:
            made["namespace"] = namespace
        raw = {**body, "metadata": made}
        if plural in _WITH_STATUS and plural != "pods":
            raw.pop("status", None)
        if plural == "workflowexecutions":
            raw["spec"] = {"desiredState": "Running", **raw["spec"]}
        return self._put(key, raw)

    def patch(self, key: Key, body: Raw, *, status: bool = False) -> Raw:
        """A merge patch, guarded by the resourceVersion and uid in it."""
        old = self._found(key)
        body = dict(body)
        metadata = dict(body.get("metadata") or {})
        for field, words in (("uid", "UID"), ("resourceVersion", "resourceVersion")):
            wanted = metadata.pop(field, None)
            if wanted and wanted != old["metadata"][field]:
                message = f'Operation cannot be fulfilled on {key[0]} "{key[2]}": {words} differs'
                raise ApiError(409, "Conflict", message)
        if status:
            body = {"status": body.get("status") or {}}
        else:
            body["metadata"] = metadata
            if key[0] in _WITH_STATUS:
                body.pop("status", None)
        new = merged(old, body)
        return old if new == old else self._put(key, new)

    def set_status(self, key: Key, **fields: Any) -> Raw:
        """Status as a controller of the cluster writes it."""
        old = self.objects[key]
        return self._put(key, {**old, "status": {**(old.get("status") or {}), **fields}})

    def remove(self, key: Key) -> None:
        """An object goes, and what it owns."""
        old = self.objects.pop(key, None)
        if old is None:
            return
        del self._of[key[0]][key]
        for owner in old["metadata"].get("ownerReferences") or ():
            self._owned[owner["uid"]].discard(key)
        self.version += 1
        self._happened("DELETED", key[0], old, old)
        for observer in self.observers:
            observer(key[0], old, None)
        for owned in sorted(self._owned.pop(old["metadata"]["uid"], ())):
            if owned[0] == "pods":
                self.delete_pod(owned, 1.0)
            else:
                self.remove(owned)

    def compact(self) -> None:
        """Watches that resume from what was until now expire."""
        self.compacted = self.version

    def all(self, plural: str) -> list[Raw]:
        """All objects of a resource."""
        return list(self._of[plural].values())

    # Parts

    def _found(self, key: Key) -> Raw:
        found = self.objects.get(key)
        if found is None:
            raise ApiError(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return found

    def _apply(self, key: Key, body: Raw) -> Raw:
        old = self.objects.get(key)
        if old is None:
            return self.create(key[0], key[1], body)
        if key[0] == "controllerrevisions" and body.get("data") != old.get("data"):
            raise ApiError(422, "Invalid", f'{key[0]} "{key[2]}" is invalid: data: is immutable')
        return self.patch(key, body)

    def _delete(self, key: Key, options: Raw) -> Raw:
        old = self._found(key)
        for field, value in (options.get("preconditions") or {}).items():
            if old["metadata"][field] != value:
                raise ApiError(409, "Conflict", f"Precondition failed: {field}")
        if key[0] == "pods":
            self.delete_pod(key, float(options.get("gracePeriodSeconds", 1.0)))
        else:
            self.remove(key)
        return {"kind": "Status", "metadata": {}, "status": "Success"}

    def _list(self, plural: str, namespace: str, query: Mapping[str, str]) -> Raw:
        objects, version = list(self._of[plural].values()), self.version
        if query.get("resourceVersion") == "0":  # from the watch cache, which may be behind
            objects, version = self._earlier(plural)
        chosen = [
            raw
            for raw in sorted(objects, key=lambda raw: raw["metadata"]["name"])
            if (not namespace or raw["metadata"].get("namespace") == namespace)
            and selects(query, raw)
        ]
        start, limit = int(query.get("continue") or 0), int(query.get("limit") or 500)
        rest = {"continue": str(start + limit)} if start + limit < len(chosen) else {}
        return {
            "metadata": {"resourceVersion": str(version), **rest},
            "items": chosen[start : start + limit],
        }

    def _earlier(self, plural: str) -> tuple[list[Raw], int]:
        upto = self._log[: len(self._log) - self._rng.randint(0, 20)] if self._log else []
        state: dict[str, Raw] = {}
        for _, kind, of, new, _ in upto:
            if of == plural:
                state[new["metadata"]["uid"]] = new
                if kind == "DELETED":
                    del state[new["metadata"]["uid"]]
        return list(state.values()), upto[-1][0] if upto else self.version

    def _put(self, key: Key, raw: Raw) -> Raw:
        old = self.objects.get(key)
        self.version += 1
        metadata = {**raw["metadata"], "resourceVersion": str(self.version)}
        if old and key[0] in _GENERATIONS and old.get("spec") != raw.get("spec"):
            metadata["generation"] = old["metadata"]["generation"] + 1
        new = {**raw, "metadata": metadata}
        self.objects[key] = self._of[key[0]][key] = new
        for owner in metadata.get("ownerReferences") or ():
            self._owned[owner["uid"]].add(key)
        self._happened("ADDED" if old is None else "MODIFIED", key[0], new, old)
        for observer in self.observers:
            observer(key[0], old, new)
        return new

    def _happened(self, kind: str, plural: str, new: Raw, old: Raw | None) -> None:
        self._log.append((self.version, kind, plural, new, old))
        for news in self._watches[plural]:
            news.set()


def _as_seen(
    query: Mapping[str, str], kind: str, new: Raw, old: Raw | None, version: int
) -> Raw | None:
    """An event as a watch with selectors sees it: what leaves the selection is deleted."""
    after = kind != "DELETED" and selects(query, new)
    before = old is not None and selects(query, old)
    if not after and not before:
        return None
    shown = new if after else old
    assert shown is not None
    what = ("MODIFIED" if before else "ADDED") if after else "DELETED"
    metadata = {**shown["metadata"], "resourceVersion": str(version)}
    return {"type": what, "object": {**shown, "metadata": metadata}}


def _metadata(answer: Raw) -> Raw:
    if "items" in answer:
        return {**answer, "items": [_metadata(item) for item in answer["items"]]}
    return {"kind": "PartialObjectMetadata", "metadata": answer["metadata"]}
