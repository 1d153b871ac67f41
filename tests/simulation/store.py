"""A fake API server in memory, with the behaviour of a real one that the operator relies on.

Resource versions, conflicts, preconditions, merge patches and server-side apply, the status
subresource, selectors, pages, watches with bookmarks that expire, and owners
whose deletion cascades to their dependents. The conformance suite (tests/conformance) runs on both,
here in test_same_as_the_real_one.py and in tests/cluster/test_same_as_the_fake.py.
"""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import orjson

from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.errors import ApiError
from tests.apiserver import merged
from tests.selectors import selects
from tests.simulation import validation
from tests.simulation.patches import json_patched, without_typed_nulls
from tests.simulation.views import Raw, as_seen, metadata_of

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
_DISCOVERED = {
    "/api/v1": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["list", "watch"]},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
    ]
}
"""The resources of an API, in part, by its path."""
BOOKMARK = 60.0
"""Seconds from one bookmark of a watch to the next."""
_NEW_STATUS: dict[str, Raw] = {"jobs": {}, "pods": {"phase": "Pending"}}
Event = tuple[int, str, Raw, Raw | None]
"""Version, kind, and the object after (before, where it is gone) and before."""


class Store:
    """Objects, and every change of them in order."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self.clock = clock
        self._rng = rng
        self.objects: dict[Key, Raw] = {}
        self.version = 1000
        self.compacted = self.version
        """Watches and lists that go on from before this version expire."""
        self.away = False
        """Whether no server answers."""
        self._cuts = 0
        self.observers: list[Change] = []
        self._of: defaultdict[str, dict[Key, Raw]] = defaultdict(dict)
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)
        self._uids: set[str] = set()
        self._named: Counter[Key] = Counter()
        """How often each name was taken: uids tell apart, and are the same in every run."""
        self._pages: dict[str, tuple[int, list[Raw]]] = {}
        """The remaining items of a list at its version, by the token of the next page."""
        self._log: list[tuple[str, Event]] = []
        """Every change of every resource, by its plural."""
        self._log_of: defaultdict[str, list[Event]] = defaultdict(list)
        self._watches: defaultdict[str, dict[asyncio.Event, None]] = defaultdict(dict)
        """In the order of their beginning: a set's would differ from run to run."""
        self.delete_pod: Callable[[Key, float], None] = lambda key, _: self.remove(key)
        """How a pod is deleted, given its grace in seconds: the kubelet takes its time."""
        self.collect: Callable[[Key], None] = self.collected
        """Called with what has lost its last owner: the garbage collector takes its time."""

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
        if verb == "get" and path in _DISCOVERED:
            return {"kind": "APIResourceList", "resources": _DISCOVERED[path]}
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
        shown = metadata_of(answer) if "PartialObjectMetadata" in accept else answer
        result: Raw = orjson.loads(orjson.dumps(shown))
        return result

    async def watch(
        self,
        path: str,
        query: Mapping[str, str],
        accept: str = "",
        merges: Callable[[], bool] = lambda: False,
    ) -> AsyncIterator[Raw]:
        """Events from a version on, to be read only; raises ApiError when the version is too old.

        `merges` says of a change, where the same object has changed again meanwhile, whether only
        the later one is told, with both in it.
        """
        match = _PATH.fullmatch(path)
        assert match is not None
        plural, namespace = match["plural"], match["namespace"]
        validation.check_selectors(plural, query)
        metadata_only = "PartialObjectMetadata" in accept
        version = int(query["resourceVersion"])
        if version < self.compacted:
            raise ApiError(410, "Expired", f"too old resource version: {version}")
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._watches[plural][changed] = None
        log = self._log_of[plural]
        position = len(log)
        while position and log[position - 1][0] > version:
            position -= 1
        end = self.clock() + float(query.get("timeoutSeconds", 300))
        marked, cuts = self.clock(), self._cuts
        untold: dict[str, Raw | None] = {}
        try:
            while True:
                while position < len(log) and cuts == self._cuts:
                    at, kind, new, old = log[position]
                    position += 1
                    if namespace not in (None, new["metadata"].get("namespace")):
                        continue
                    uid = new["metadata"]["uid"]
                    if merges() and _changed_again(log[position:], uid):
                        untold.setdefault(uid, old)
                        continue
                    old = untold.pop(uid, old)
                    if (event := as_seen(query, kind, new, old, at)) is not None:
                        if metadata_only:
                            event["object"] = metadata_of(event["object"])
                        yield event
                changed.clear()
                now = self.clock()
                if end - now < 0.01 or cuts != self._cuts:
                    return
                if now > marked + BOOKMARK - 0.01:
                    marked = now
                    mark = {"metadata": {"resourceVersion": str(self.version)}}
                    yield {"type": "BOOKMARK", "object": mark}
                    continue
                alarm = loop.call_later(min(end, marked + BOOKMARK) - now, changed.set)
                await changed.wait()
                alarm.cancel()
        finally:
            self._watches[plural].pop(changed, None)

    # Changes

    def create(self, plural: str, namespace: str, body: Raw) -> Raw:
        """A new object. Raises ApiError 409 where the name is taken."""
        metadata = body["metadata"]
        name = metadata.get("name") or f"{metadata['generateName']}{self._rng.getrandbits(25):05x}"
        key = (plural, namespace, name)
        if key in self.objects:
            raise ApiError(409, "AlreadyExists", f'{plural} "{name}" already exists')
        validation.check_new(plural, name, body)
        self._named[key] += 1
        made = {
            **{field: value for field, value in metadata.items() if field != "generateName"},
            "name": name,
            "uid": str(uuid.uuid5(_UIDS, f"{'/'.join(key)} {self._named[key]}")),
            "creationTimestamp": to_rfc3339(self.clock())[:19] + "Z",
        }
        if "spec" in body:
            made["generation"] = 1
        if namespace:
            made["namespace"] = namespace
        raw = {**body, "metadata": made}
        if plural in _WITH_STATUS:
            raw.pop("status", None)
        if plural in _NEW_STATUS:
            raw["status"] = _NEW_STATUS[plural]
        if plural == "workflowexecutions":
            raw["spec"] = {"desiredState": "Running", **raw["spec"]}
        stored = self._put(key, raw)
        self._uids.add(made["uid"])
        self._unowned(key, stored)
        return stored

    def patch(self, key: Key, body: Raw | list[Raw], *, status: bool = False) -> Raw:
        """A merge patch or, as a list, a JSON patch, guarded by the resourceVersion in it; its uid
        is nothing to a status."""
        old = self._found(key)
        if isinstance(body, list):
            new = json_patched(key[0], key[2], old, body)
        else:
            new = merged(old, body)
        metadata = dict(new["metadata"])
        if metadata["resourceVersion"] != old["metadata"]["resourceVersion"]:
            message = f'Operation cannot be fulfilled on {key[0]} "{key[2]}": it has been modified'
            raise ApiError(409, "Conflict", message)
        if status:
            new = {**old, "status": without_typed_nulls(new.get("status") or {})}
        elif metadata["uid"] != old["metadata"]["uid"]:
            raise validation.invalid(key[0], key[2], "metadata.uid: field is immutable")
        elif key[0] in _WITH_STATUS:
            new = {field: value for field, value in new.items() if field != "status"}
            new |= {"status": old["status"]} if "status" in old else {}
        validation.check_change(key[0], key[2], old, new)
        return old if new == old else self._put(key, new)

    def mark_deleted(self, key: Key, grace: float) -> Raw:
        """Mark an object as being deleted; its finalizers remain."""
        old = self.objects[key]
        metadata = {
            **old["metadata"],
            "deletionTimestamp": to_rfc3339(self.clock() + grace)[:19] + "Z",
            "deletionGracePeriodSeconds": round(grace),
        }
        return self.replace(key, {**old, "metadata": metadata})

    def replace(self, key: Key, raw: Raw) -> Raw:
        """Write an object as a controller of the cluster."""
        return self._put(key, raw)

    def set_status(self, key: Key, **fields: Any) -> Raw:
        """Write a status as a controller of the cluster."""
        old = self.objects[key]
        return self._put(key, {**old, "status": {**(old.get("status") or {}), **fields}})

    def remove(self, key: Key) -> None:
        """Remove an object and its dependents."""
        old = self.objects.pop(key, None)
        if old is None:
            return
        del self._of[key[0]][key]
        self._uids.discard(old["metadata"]["uid"])
        for owner in old["metadata"].get("ownerReferences") or ():
            self._owned[owner["uid"]].discard(key)
        self.version += 1
        self._happened("DELETED", key[0], old, old)
        for observer in self.observers:
            observer(key[0], old, None)
        for owned in sorted(self._owned.pop(old["metadata"]["uid"], ())):
            self._unowned(owned, self.objects[owned])

    def collected(self, key: Key) -> None:
        """Remove objects without an owner, as the garbage collector does."""
        if key[0] == "pods":
            self.delete_pod(key, 1.0)
        else:
            self.remove(key)

    def cut(self) -> None:
        """End every watch; none can resume from what was until now."""
        self._cuts += 1
        self.compact()
        for watches in self._watches.values():
            for changed in watches:
                changed.set()

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
        return self.patch(key, body)

    def _delete(self, key: Key, options: Raw) -> Raw:
        old = self._found(key)
        for field, value in (options.get("preconditions") or {}).items():
            if old["metadata"][field] != value:
                raise ApiError(409, "Conflict", f"Precondition failed: {field}")
        # A Job's pods stay behind where nothing else is asked for: batch/v1 has it so from before
        # there was garbage collection.
        if options.get("propagationPolicy", "Orphan" if key[0] == "jobs" else "") == "Orphan":
            self._orphan(old["metadata"]["uid"])
        if key[0] == "pods":
            self.delete_pod(key, float(options.get("gracePeriodSeconds", 1.0)))
        else:
            self.remove(key)
        return {"kind": "Status", "metadata": {}, "status": "Success"}

    def _list(self, plural: str, namespace: str, query: Mapping[str, str]) -> Raw:
        validation.check_selectors(plural, query)
        if token := query.get("continue"):
            version, chosen = self._pages.get(token, (0, []))
            if version < self.compacted:
                message = "The provided continue parameter is too old to display a consistent list"
                raise ApiError(410, "Expired", message)
        else:
            version, chosen = self._chosen(plural, namespace, query)
        limit = int(query.get("limit") or len(chosen) or 1)
        rest = {}
        if len(chosen) > limit:
            rest["continue"] = f"{version}/{self._rng.getrandbits(40):x}"
            self._pages[rest["continue"]] = version, chosen[limit:]
        return {
            "metadata": {"resourceVersion": str(version), **rest},
            "items": chosen[:limit],
        }

    def _chosen(
        self, plural: str, namespace: str, query: Mapping[str, str]
    ) -> tuple[int, list[Raw]]:
        objects, version = list(self._of[plural].values()), self.version
        if query.get("resourceVersion") == "0":  # from the watch cache, which may be behind
            objects, version = self._earlier(plural)
        chosen = [
            raw
            for raw in sorted(objects, key=lambda raw: raw["metadata"]["name"])
            if (not namespace or raw["metadata"].get("namespace") == namespace)
            and selects(query, raw)
        ]
        return version, chosen

    def _earlier(self, plural: str) -> tuple[list[Raw], int]:
        upto = self._log[: len(self._log) - self._rng.randint(0, 20)] if self._log else []
        state: dict[str, Raw] = {}
        for of, (_, kind, new, _) in upto:
            if of == plural:
                state[new["metadata"]["uid"]] = new
                if kind == "DELETED":
                    del state[new["metadata"]["uid"]]
        return list(state.values()), upto[-1][1][0] if upto else self.version

    def _put(self, key: Key, raw: Raw) -> Raw:
        old = self.objects.get(key)
        self.version += 1
        metadata = {**raw["metadata"], "resourceVersion": str(self.version)}
        if old and old.get("spec") != raw.get("spec"):
            metadata["generation"] = old["metadata"]["generation"] + 1
        new = {**raw, "metadata": metadata}
        self.objects[key] = self._of[key[0]][key] = new
        for owner in metadata.get("ownerReferences") or ():
            self._owned[owner["uid"]].add(key)
        self._happened("ADDED" if old is None else "MODIFIED", key[0], new, old)
        for observer in self.observers:
            observer(key[0], old, new)
        return new

    def _unowned(self, key: Key, raw: Raw) -> None:
        """Have it collected if it has owners, and none of them is there."""
        owners = raw["metadata"].get("ownerReferences") or ()
        if owners and not any(owner["uid"] in self._uids for owner in owners):
            self.collect(key)

    def _orphan(self, uid: str) -> None:
        for key in sorted(self._owned.pop(uid, ())):
            raw = self.objects[key]
            owners = [o for o in raw["metadata"]["ownerReferences"] if o["uid"] != uid]
            self._put(key, {**raw, "metadata": {**raw["metadata"], "ownerReferences": owners}})

    def _happened(self, kind: str, plural: str, new: Raw, old: Raw | None) -> None:
        event = (self.version, kind, new, old)
        self._log.append((plural, event))
        self._log_of[plural].append(event)
        for changed in self._watches[plural]:
            changed.set()


def _changed_again(later: Sequence[Event], uid: str) -> bool:
    return any(new["metadata"]["uid"] == uid for _, _, new, _ in later)
