"""API client for raw JSON: one shared session, a bounded pool, safe retries.

Typed models cost several times what the requests of a pass cost; everything here is plain dicts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from orchestrator.kube.access import load
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.decoding import loads
from orchestrator.kube.errors import ApiError, error_from
from orchestrator.kube.media_types import (
    APPLY_PATCH,
    FRAMES,
    JSON,
    JSON_PATCH,
    MERGE_PATCH,
    METADATA,
    METADATA_LIST,
)
from orchestrator.kube.protobuf_decoder import event_from
from orchestrator.kube.resources import PODS, Resource
from orchestrator.kube.semaphore import Priority
from orchestrator.kube.transport import MAX_TRIES, Raw, Transport

__all__ = ["ApiClient", "ApiError", "Raw"]

PAGE = 500
"""Objects per page of a list."""


class ApiClient:
    """Reads and writes objects; every method raises ApiError for an answer that is not 2xx."""

    def __init__(self, credentials: Credentials, transport: Transport | None = None) -> None:
        self.credentials = credentials
        self._transport = transport or Transport(credentials)
        self.requests = self._transport.requests
        self.answers = self._transport.answers

    def time_requests(self, on_answer: Callable[[str, float], None]) -> None:
        """Call `on_answer` with the verb and the duration in seconds of each request."""
        self._transport.on_answer = on_answer

    def guard_writes(self, guard: Callable[[], None]) -> None:
        """Call `guard` before every write; an exception from it prevents the write."""
        self._transport.guard = guard

    @classmethod
    def from_environment(
        cls, kubeconfig: str | None = None, context: str | None = None
    ) -> ApiClient:
        """A client with the credentials of a kubeconfig or of the current pod."""
        return cls(Credentials(load(kubeconfig, context)))

    async def __aenter__(self) -> ApiClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    # Reading

    async def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        metadata_only: bool = False,
        patient: bool = True,
    ) -> Raw:
        """One object, live; not `patient` if a missing right is to be reported within seconds."""
        return await self._transport.request(
            "get",
            resource.plural,
            resource.path(namespace, name),
            accept=METADATA if metadata_only else JSON,
            patient=patient,
        )

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        project: Callable[[Raw], Raw | None] = lambda raw: raw,
    ) -> tuple[list[Raw], str]:
        """All objects, by quorum and in pages, with the resourceVersion to watch from.

        `project` returns what is kept of each object; None drops it. At most one page is held in
        full.
        """
        for _ in range(MAX_TRIES):
            items: list[Raw] = []
            version = ""
            try:
                async for page in self.pages(
                    resource,
                    namespace,
                    label_selector=label_selector,
                    field_selector=field_selector,
                    metadata_only=metadata_only,
                ):
                    kept = map(project, page["items"])
                    items += [item for item in kept if item is not None]
                    version = page["metadata"]["resourceVersion"]
            except ApiError as error:
                if error.status == 410:  # the continue token expired: restart the list
                    continue
                raise
            return items, version
        raise ApiError(410, "Expired", f"the list of {resource.plural} expired {MAX_TRIES} times")

    async def current_version(self, resource: Resource, namespace: str | None) -> str:
        """The resourceVersion of now, by quorum, after a check of the right to list.

        A missing right is reported within seconds.
        """
        page = await self._transport.request(
            "list",
            resource.plural,
            resource.path(namespace),
            query={"limit": "1"},
            accept=METADATA_LIST,
            patient=False,
        )
        version: str = page["metadata"]["resourceVersion"]
        return version

    async def discover(self, group: str, version: str) -> Sequence[Raw]:
        """The resources of an API group and version, as APIResource objects."""
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        answer = await self._transport.request("get", "apiresources", path)
        return answer.get("resources") or ()

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = PAGE,
    ) -> AsyncIterator[Raw]:
        """The pages of a list that is too large to hold in memory."""
        query = _query(label_selector, field_selector) | {"limit": str(limit)}
        while True:
            page = await self._transport.request(
                "list",
                resource.plural,
                resource.path(namespace),
                query=query,
                accept=METADATA_LIST if metadata_only else JSON,
            )
            page["items"] = page.get("items") or []  # null in an empty list of metadata
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query = query | {"continue": token}

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        in_part: bool = False,
        only_ends: bool = False,
        timeout_seconds: int = 290,
    ) -> AsyncIterator[Raw]:
        """Events since a version, including bookmarks, until the server ends the watch.

        `in_part`, for Jobs and pods: objects contain at least the fields that `protobuf_decoder`
        reads; with `only_ends`, pods that show no end may lack even these. Raises ApiError (410 if
        the version is too old) and aiohttp's connection errors.
        """
        query = _query(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
        }
        accept = METADATA if metadata_only else JSON
        if in_part:
            accept = f"{FRAMES},{accept}"
        path = resource.path(namespace)
        async for part in self._transport.stream(resource.plural, path, query, accept):
            if part[:1] == b"{":
                event: Raw = loads(part)
            else:
                event = event_from(resource, part, only_ends=only_ends)
            if event["type"] == "ERROR":
                status = event["object"]
                raise error_from(status.get("code", 500), {}, orjson.dumps(status))
            yield event

    async def log(
        self, namespace: str, pod: str, query: Mapping[str, str], *, silence: float
    ) -> AsyncGenerator[bytes, None]:
        """The parts of a pod's log as they arrive; a log that is followed ends when its container
        does.

        Raises ApiError, and aiohttp's connection errors, TimeoutError after so many seconds of
        silence.
        """
        path = PODS.path(namespace, pod, "log")
        async with aclosing(self._transport.text("pods/log", path, query, silence)) as parts:
            async for part in parts:
                yield part

    # Writing

    async def create(
        self,
        resource: Resource,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        urgent: bool = False,
        background: bool = False,
        metadata_only: bool = False,
    ) -> Raw:
        """Create an object; retried only if the server certainly did not process the request.

        `metadata_only` concerns the answer, which otherwise is the whole object.
        """
        priority = Priority.URGENT if urgent else Priority.NORMAL
        return await self._transport.request(
            "create",
            resource.plural,
            resource.path(namespace),
            body=body,
            accept=METADATA if metadata_only else JSON,
            priority=Priority.BACKGROUND if background else priority,
        )

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any] | Sequence[Raw],
        *,
        subresource: str = "",
        metadata_only: bool = False,
        field_manager: str = "itechsmart-workflow",
    ) -> Raw:
        """Merge-patch with a mapping, JSON-patch with a list; a resourceVersion in it is a
        guard."""
        return await self._transport.request(
            "patch",
            resource.plural,
            resource.path(namespace, name, subresource),
            query={"fieldManager": field_manager},
            body=body,
            accept=METADATA if metadata_only else JSON,
            content_type=MERGE_PATCH if isinstance(body, Mapping) else JSON_PATCH,
        )

    async def apply(
        self,
        resource: Resource,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
    ) -> Raw:
        """Server-side apply of a whole manifest."""
        return await self._transport.request(
            "apply",
            resource.plural,
            resource.path(namespace, body["metadata"]["name"], subresource),
            query={"fieldManager": field_manager, "force": "true" if force else "false"},
            body=body,
            content_type=APPLY_PATCH,
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace_period: int | None = None,
    ) -> Raw:
        """Delete an object, only if it is still the one with this uid and version."""
        preconditions = {
            key: value
            for key, value in (("uid", uid), ("resourceVersion", resource_version))
            if value
        }
        options: Raw = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if preconditions:
            options["preconditions"] = preconditions
        if propagation:
            options["propagationPolicy"] = propagation
        if grace_period is not None:
            options["gracePeriodSeconds"] = grace_period
        return await self._transport.request(
            "delete", resource.plural, resource.path(namespace, name), body=options
        )


def _query(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in query.items() if value}
