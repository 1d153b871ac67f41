"""A blocking API client, for the command line and for actions in pods.

The import of the official client alone takes longer than most actions run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.kube.access import Access
from orchestrator.kube.blocking_transport import CONNECT_SECONDS, READ_SECONDS, BlockingTransport
from orchestrator.kube.errors import NO_ANSWER, ApiError
from orchestrator.kube.media_types import APPLY_PATCH, JSON, MERGE_PATCH
from orchestrator.kube.resources import PODS, Resource
from orchestrator.models.base import is_object_name

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


_LOG_GONE = "unable to retrieve container logs for "
"""With this line, and 200, the kubelet answers instead of the log of a container that it has
removed (GetContainerLogs in pkg/kubelet/kuberuntime/kuberuntime_container.go)."""


class LogGoneError(ApiError):
    """The kubelet has removed the container. If the pod runs on, its status soon names a newer
    one."""


class BlockingClient:
    """Reads and writes objects; every method raises ApiError for an answer that is not 2xx."""

    def __init__(
        self,
        access: Access,
        field_manager: str,
        annotations: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`annotations` are added to every object that is created or changed."""
        self.access = access
        self._transport = BlockingTransport(access)
        self._field_manager = field_manager
        self._annotations = annotations

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """An object by its name."""
        return self._json("GET", _path(resource, namespace, name))

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """An object by its name, or None if there is none."""
        try:
            return self.get(resource, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[Object]:
        """The matching objects, in no particular order."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        items: list[Object] = self._json("GET", _path(resource, namespace), query=query)["items"]
        return items

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object; ApiError 409 if its name is taken."""
        return self._json("POST", _path(resource, namespace), body=self._annotated(body))

    def merge(
        self, resource: Resource, namespace: str, name: str, patch: Object, subresource: str = ""
    ) -> Object:
        """Change an object, or a subresource of it, by a JSON merge patch (RFC 7386)."""
        path = _path(resource, namespace, name, subresource)
        return self._json("PATCH", path, body=self._annotated(patch), content_type=MERGE_PATCH)

    def patch(
        self, resource: Resource, namespace: str, name: str, patch: Any, content_type: str
    ) -> Object:
        """Change an object by a patch of that media type; a JSON patch gets no annotations."""
        path = _path(resource, namespace, name)
        body = self._annotated(patch) if isinstance(patch, dict) else patch
        return self._json("PATCH", path, body=body, content_type=content_type)

    def apply(
        self,
        resource: Resource,
        namespace: str,
        body: Object,
        *,
        field_manager: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply; ApiError 409 names the fields that others manage, unless forced.

        A dry run adds no annotations.
        """
        query = {
            "fieldManager": field_manager or self._field_manager,
            "force": "true" if force else "",
            "dryRun": "All" if dry_run else "",
        }
        path = _path(resource, namespace, body["metadata"]["name"])
        made = body if dry_run else self._annotated(body)
        return self._json("PATCH", path, query=query, body=made, content_type=APPLY_PATCH)

    def annotations(self) -> Mapping[str, str]:
        """What is added to every object that is created or changed."""
        return self._annotations()

    def delete(self, resource: Resource, namespace: str, name: str, options: Object) -> None:
        """Delete an object by these DeleteOptions."""
        self._request("DELETE", _path(resource, namespace, name), body=options)

    def evict(self, namespace: str, pod: str, options: Object) -> None:
        """Evict a pod; ApiError 429 while a PodDisruptionBudget forbids it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
            "deleteOptions": options,
        }
        self._request("POST", _path(PODS, namespace, pod, "eviction"), body=body)

    def discover(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind, by the API server's own list; None if it serves none."""
        group, _, version = api_version.rpartition("/")
        path = f"/apis/{quote(group)}" if group else "/api"
        try:
            served = self._json("GET", f"{path}/{quote(version)}")["resources"]
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        for one in served:
            if one["kind"] == kind and "/" not in one["name"]:
                return Resource(group, version, one["name"], kind, one["namespaced"])
        return None

    def log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        lines: int,
        seconds: int | None = None,
        previous: bool = False,
    ) -> str:
        """The end of a container's log; ApiError 400 while it has none, LogGoneError if it is
        gone."""
        query = {
            "container": container,
            "tailLines": str(lines),
            "sinceSeconds": str(seconds) if seconds is not None else "",
            "previous": "true" if previous else "",
        }
        answer = self._request("GET", _path(PODS, namespace, pod, "log"), query=query)
        text = answer.decode("utf-8", errors="replace")
        if text.startswith(_LOG_GONE) and "\n" not in text.rstrip():
            raise LogGoneError(404, "NotFound", f"the kubelet is {text.strip()}")
        return text

    def _annotated(self, body: Object) -> Object:
        """An object or a merge patch with the annotations of this client."""
        if not (own := dict(self._annotations())):
            return body
        metadata = body.get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), **own}
        return {**body, "metadata": {**metadata, "annotations": annotations}}

    def _json(self, method: str, path: str, **request: Any) -> Object:
        try:
            value = json.loads(self._request(method, path, **request))
        except ValueError:
            raise ApiError(0, NO_ANSWER, "its answer is not valid JSON") from None
        if not isinstance(value, dict):
            raise ApiError(0, NO_ANSWER, "its answer is not an object")
        return value

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> bytes:
        asked, encoded = dict(query or {}), None
        seconds = self._transport.request_seconds
        if body is not None:
            asked.setdefault("fieldManager", self._field_manager)
            encoded = json.dumps(body).encode()
        with self._transport.answer(
            method, path, query=asked, body=encoded, content_type=content_type,
            connect=min(CONNECT_SECONDS, seconds), read=min(READ_SECONDS, seconds), whole=seconds,
        ) as response:  # fmt: skip
            return response.data


def _path(
    resource: Resource, namespace: str, name: str | None = None, subresource: str = ""
) -> str:
    """The path of a collection or of an object; refuses invalid names, which could lead
    elsewhere."""
    if name is None:
        return resource.path(quote(namespace, safe=""))
    if not is_object_name(name):
        words = f"{resource.plural} {json.dumps(name)} not found: this is not a valid object name"
        raise ApiError(404, "NotFound", words)
    return resource.path(quote(namespace, safe=""), name, subresource)
