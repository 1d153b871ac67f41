"""The objects of one cluster as a user sees them; objects are raw JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from orchestrator.kube.media_types import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, METADATA_LIST
from orchestrator.kube.resources import KINDS, Resource
from orchestrator.models.base import DNS_SUBDOMAIN_PATTERN
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.writes import Apply, Delete, Edit, Merge
from orchestrator.session.errors import ExpiredError, ForbiddenError, NotFoundError, UsageError
from orchestrator.session.kinds import LATEST, is_path_segment, name_in
from orchestrator.session.transport import READ_SECONDS, Raw, Transport

if TYPE_CHECKING:
    from orchestrator.kube.blocking_transport import BlockingTransport

__all__ = ["READ_SECONDS", "WATCH_SECONDS", "Cluster", "Raw"]

_PAGE = 250
"""Objects of a page."""
_ATTEMPTS = 3
WATCH_SECONDS = 300
"""Seconds after which the server ends a watch, so that a dead connection is noticed."""


class Cluster(Transport):
    """The objects of one cluster; `namespace` is the one commands work in."""

    def __init__(
        self, transport: BlockingTransport, namespace: str, *, timeout: float | None = None
    ) -> None:
        super().__init__(transport, timeout=timeout)
        self.namespace = namespace

    def within(self, namespace: str | None) -> Cluster:
        """The same cluster, in another namespace if one is given."""
        if not namespace:
            return self
        other = copy(self)
        other.namespace = namespace
        return other

    @property
    def user(self) -> str:
        """The user name that the API server reports; empty if it reports none."""
        return str(self._whoami.get("username", ""))

    @property
    def groups(self) -> list[str]:
        """The groups that the API server reports for the user."""
        return list(self._whoami.get("groups") or ())

    @property
    def token(self) -> str:
        """The user's bearer token for the API server; empty if they have none."""
        return self._transport.token

    @property
    def identity(self) -> str:
        """Differs between users; it has their token, so it is not to be kept or logged."""
        return self._transport.identity

    def who(self) -> Raw:
        """The user as the API server reports them: username, groups, uid and extra fields."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found: Raw = self.request("POST", path, body=body)["status"]["userInfo"]
        return found

    @cached_property
    def _whoami(self) -> Raw:
        try:
            return self.who()
        except UsageError:
            return {}

    def get(self, kind: Resource, word: str) -> Raw:
        """One object by its name, KIND/NAME, or @latest for the newest.

        Raises UsageError with the nearest names if there is none.
        """
        name = name_in(kind, word)
        found = None
        if name != LATEST:
            found = self.find(kind, name)
        elif every := self.metadata(kind):
            age = max((each.get("creationTimestamp") or "", each["name"]) for each in every)
            found = self.find(kind, age[1])
        if found is not None:
            return found
        where = f" in namespace {self.namespace}" if kind.namespaced else ""
        if name == LATEST:
            raise NotFoundError(f"there is no {kind.kind}{where}")
        hint = did_you_mean(name, self.known_names(kind), limit=3)
        raise NotFoundError(f"there is no {kind.kind} {name or repr(name)}{where}{hint}")

    def find(self, kind: Resource, name: str) -> Raw | None:
        """One object, or None."""
        own = re.fullmatch(DNS_SUBDOMAIN_PATTERN, name)
        if not (own if kind in KINDS else is_path_segment(name)):
            return None  # no object can have this name, and a path with it would lead elsewhere
        try:
            return self.request("GET", self.path(kind, name))
        except NotFoundError:
            return None

    def find_uid(self, kind: Resource, uid: str) -> Raw | None:
        """An object by its uid: of all namespaces, or of this one if the user may list no more."""
        try:
            listed = self._listed(kind, every=True, accept=METADATA_LIST)
        except ForbiddenError:
            listed = self._listed(kind, accept=METADATA_LIST)
        found = (item["metadata"] for item in listed["items"] if item["metadata"]["uid"] == uid)
        if (metadata := next(found, None)) is None:
            return None
        return self.within(metadata.get("namespace")).find(kind, metadata["name"])

    def list(
        self, kind: Resource, *, every: bool = False, query: Mapping[str, str] | None = None
    ) -> Raw:
        """All objects of a kind in the namespace; with `every`, in all namespaces."""
        return self._listed(kind, every=every, query=query)

    def list_in_part(
        self,
        kind: Resource,
        project: Callable[[Raw], Raw],
        *,
        every: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Sequence[Raw]:
        """What `project` keeps of each object; at most a page of them is held as a whole."""
        for _ in range(_ATTEMPTS):
            items: list[Raw] = []
            asked = {**(query or {}), "limit": str(_PAGE)}
            with suppress(ExpiredError):  # the token: others have written too much meanwhile
                while True:
                    page = self._listed(kind, every=every, query=asked)
                    items += map(project, page["items"])
                    asked["continue"] = (page.get("metadata") or {}).get("continue") or ""
                    if not asked["continue"]:
                        return items
        raise UsageError(f"the list of {kind.plural} expired {_ATTEMPTS} times; try again")

    def metadata(
        self, kind: Resource, limit: int | None = None, *, every: bool = False
    ) -> Sequence[Raw]:
        """Only the metadata of all objects of a kind, or of the first `limit`; with `every`, in all
        namespaces."""
        query = {} if limit is None else {"limit": str(limit)}
        items = self._listed(kind, every=every, query=query, accept=METADATA_LIST)["items"]
        return [item["metadata"] for item in items]

    def known_names(self, kind: Resource) -> Sequence[str]:
        """The names that a message may propose: none if the user may not list them."""
        try:
            return self.names(kind)
        except ForbiddenError:
            return ()

    def names(self, kind: Resource, limit: int | None = None) -> Sequence[str]:
        """The names of all objects of a kind, or of the first `limit`."""
        return [metadata["name"] for metadata in self.metadata(kind, limit)]

    def _listed(
        self,
        kind: Resource,
        *,
        every: bool = False,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json, */*",
    ) -> Raw:
        path = self.path(kind, every=every)
        try:
            answer = self.request("GET", path, query=query, accept=accept)
            return {
                **answer,
                "items": answer["items"] or [],
            }  # null if the list of metadata is empty
        except NotFoundError as error:
            if kind not in KINDS:
                raise
            raise UsageError(
                f"the cluster has no {kind.plural}; install the custom resources with\n"
                "  orchestrator crds | kubectl apply --server-side -f -"
            ) from error

    def create(self, kind: Resource, body: Raw, *, dry_run: bool = False, manager: str = "") -> Raw:
        """Create an object; in a dry run, the API server stores nothing."""
        query = {"dryRun": "All"} if dry_run else {}
        query |= {"fieldManager": manager} if manager else {}
        try:
            return self.request("POST", self.path(kind), query=query, body=body)
        except NotFoundError:
            self.list(kind)  # reports when the kind itself is missing
            raise

    def update(self, kind: Resource, body: Raw, query: Mapping[str, str]) -> Raw:
        """Replace an object that is still at the resourceVersion in the body; its status stays."""
        path = self.path(kind, body["metadata"]["name"])
        return self.request("PUT", path, query={"fieldValidation": "Strict", **query}, body=body)

    def delete(self, kind: Resource, name: str, preconditions: Mapping[str, str]) -> Raw:
        """Delete an object if it still has this uid and resourceVersion, as far as given."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": dict(preconditions),
            "propagationPolicy": "Background",
        }
        return self.request("DELETE", self.path(kind, name), body=body)

    def apply(self, kind: Resource, body: Raw, query: Mapping[str, str]) -> Raw:
        """Server-side apply an object; a field that the API server does not know is refused."""
        path = self.path(kind, body["metadata"]["name"])
        query = {"fieldValidation": "Strict", **query}
        try:
            return self.request("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)
        except NotFoundError:
            if kind in KINDS:
                self.list(kind)
            raise

    def send(self, write: Merge | Apply | Edit | Delete) -> Raw:
        """Send a command's write; returns the object, or the answer to a deletion."""
        match write:
            case Apply(manifest, manager):
                query = {"fieldManager": manager, "force": "true"}
                return self.apply(_kind(manifest["kind"]), manifest, query)
            case Merge(kind, name, body, manager):
                query = {"fieldManager": manager} if manager else {}
                path = self.path(_kind(kind), name)
                return self.request("PATCH", path, query=query, body=body, content_type=MERGE_PATCH)
            case Edit(kind, name, steps):
                path = self.path(_kind(kind), name)
                return self.request("PATCH", path, body=steps, content_type=JSON_PATCH)
            case Delete(kind, name, uid):
                preconditions = {"preconditions": {"uid": uid}}
                body = {"kind": "DeleteOptions", "apiVersion": "v1", **preconditions}
                return self.request("DELETE", self.path(_kind(kind), name), body=body)

    def watch(self, kind: Resource, name: str, version: str) -> Iterator[Raw]:
        """The object after each change, until the server ends the watch.

        Raises UsageError once it is deleted.
        """
        query = {"fieldSelector": f"metadata.name={name}"}
        try:
            for happened, raw in self.events(kind, version, query=query):
                if happened == "DELETED":
                    raise UsageError(f"{kind.kind} {name} was deleted")
                yield raw
        except ExpiredError:
            return

    def events(
        self,
        kind: Resource,
        version: str,
        *,
        every: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[str, Raw]]:
        """Each change after a version, and the object: ADDED, MODIFIED, DELETED or BOOKMARK.

        Ends when the server ends the watch. Raises ExpiredError when the version is too old.
        """
        asked = {
            **(query or {}),
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        path, silence = self.path(kind, every=every), WATCH_SECONDS + READ_SECONDS
        for line in self.text(path, asked, silence=silence):
            event = self._read(line)
            if event["type"] == "ERROR":
                raise ExpiredError(event["object"].get("message", "the watch has expired"))
            yield event["type"], event["object"]

    def path(
        self, kind: Resource, name: str = "", subresource: str = "", *, every: bool = False
    ) -> str:
        """The path of a collection, or of an object in it."""
        namespace = None if every else quote(self.namespace, safe="")
        return kind.path(namespace, quote(name, safe=""), subresource)


def _kind(name: str) -> Resource:
    return next(kind for kind in KINDS if kind.kind == name)
