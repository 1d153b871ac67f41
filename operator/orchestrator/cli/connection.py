"""The API server as the commands speak to it: raw JSON, and refusals in words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import KINDS, Kind

Raw = dict[str, Any]
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Target:
    """Which cluster and namespace the user means."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None

    def within(self, namespace: str | None) -> Target:
        """The same cluster, in another namespace if one is named."""
        return replace(self, namespace=namespace) if namespace else self

    def connect(self) -> Cluster:
        """Raises UsageError when there is no usable kubeconfig."""
        import yaml
        from kubernetes import config as kube_config

        try:
            config: Any = kube_config
            client = config.new_client_from_config(self.kubeconfig, self.context)
            every, active = config.list_kube_config_contexts(self.kubeconfig)
        except kube_config.ConfigException as error:
            where = self.kubeconfig or "KUBECONFIG or ~/.kube/config"
            raise UsageError(f"no usable kubeconfig ({where}): {error}") from error
        except (OSError, yaml.YAMLError) as error:
            raise UsageError(f"the kubeconfig cannot be read: {error}") from error
        chosen = next((item for item in every if item["name"] == self.context), active)
        default = chosen.get("context", {}).get("namespace") or "default"
        return Cluster(client, self.namespace or default)


class Cluster:
    """Requests against one cluster; `namespace` is the one commands work in."""

    def __init__(self, client: Any, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    @cached_property
    def user(self) -> str:
        """Who the API server says the user is; empty where it does not tell."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = self.request("POST", path, body=body)
        except UsageError:
            return ""
        return str(answer["status"]["userInfo"].get("username", ""))

    def get(self, kind: Kind, name: str) -> Raw:
        """One object. Raises UsageError with the nearest names when there is none."""
        found = self.find(kind, name)
        if found is not None:
            return found
        names = [item["metadata"]["name"] for item in self.list(kind)["items"]]
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        where = f" in namespace {self.namespace}" if kind.namespaced else ""
        raise UsageError(f"there is no {kind.name} {name}{where}{hint}")

    def find(self, kind: Kind, name: str) -> Raw | None:
        """One object, or None."""
        try:
            return self.request("GET", self.path(kind, name))
        except NotFoundError:
            return None

    def list(
        self, kind: Kind, *, every: bool = False, query: Mapping[str, str] | None = None
    ) -> Raw:
        """All objects of a kind in the namespace, or in all of them."""
        try:
            return self.request("GET", self.path(kind, every=every), query=query)
        except NotFoundError as error:
            raise UsageError(
                f"the cluster has no {kind.plural}; install the custom resources with\n"
                "  orchestrator crds | kubectl apply --server-side -f -"
            ) from error

    def create(self, kind: Kind, body: Raw) -> Raw:
        """Create an object."""
        try:
            return self.request("POST", self.path(kind), body=body)
        except NotFoundError:
            self.list(kind)  # says so when the kind is what is missing
            raise

    def patch(self, kind: Kind, name: str, body: Raw) -> Raw:
        """Merge-patch an object."""
        return self.request("PATCH", self.path(kind, name), body=body, content_type=MERGE_PATCH)

    def watch(self, kind: Kind, name: str, version: str) -> Iterator[Raw]:
        """The object at each change, None once it is deleted; ends when the server ends it."""
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": "300",
        }
        response = self._call("GET", self.path(kind), query, None, None, stream=True)
        buffer = b""
        for chunk in response.stream(65536, decode_content=False):
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] == "DELETED":
                    raise UsageError(f"{kind.name} {name} was deleted")
                yield event["object"]

    def path(self, kind: Kind, name: str = "", *, every: bool = False) -> str:
        """The path of a collection or of an object in it."""
        scope = f"/namespaces/{self.namespace}" if kind.namespaced and not every else ""
        return f"{kind.root}{scope}/{kind.plural}" + (f"/{name}" if name else "")

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str | None = None,
    ) -> Raw:
        """A request's answer as JSON. Raises UsageError with the API server's words."""
        response = self._call(method, path, query or {}, body, content_type, stream=False)
        answer: Raw = json.loads(response.read())
        return answer

    def text(self, path: str, query: Mapping[str, str], *, follow: bool = False) -> Iterator[str]:
        """The lines of a text, such as a log."""
        response = self._call("GET", path, query, None, None, stream=True)
        pending = b""
        for chunk in response.stream(4096 if not follow else 1, decode_content=False):
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
        if pending:
            yield pending.decode(errors="replace")

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        content_type: str | None,
        *,
        stream: bool,
    ) -> Any:
        import urllib3

        headers = {"Accept": "application/json, */*"}
        if content_type or body is not None:
            headers["Content-Type"] = content_type or "application/json"
        try:
            parts = self._client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body if content_type != APPLY_PATCH else json.dumps(body),
                auth_settings=["BearerToken"],
            )
            timeout = (10, None) if stream else (10, 60)
            response = self._client.call_api(*parts, _request_timeout=timeout).response
            if response.status >= 300:
                raise _in_words(response.status, response.reason, response.read())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            host = self._client.configuration.host
            raise UsageError(f"the API server at {host} does not answer: {error}") from error
        return response


class NotFoundError(UsageError):
    """The API server has no such thing."""


def _in_words(status: int, reason: str, body: bytes) -> UsageError:
    try:
        message = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        message = ""
    message = message or f"{status} {reason}"
    if status == 404:
        return NotFoundError(message)
    if status == 401:
        return UsageError(f"the API server does not know you: {message}")
    return UsageError(message)


def kind_of(word: str) -> Kind:
    """The kind a user means by a word. Raises UsageError with the nearest."""
    wanted = word.lower()
    for kind in KINDS:
        if wanted in kind.words:
            return kind
    words = sorted(word for kind in KINDS for word in kind.words)
    near = difflib.get_close_matches(wanted, words, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; say {', '.join(k.plural for k in KINDS)}"
    raise UsageError(f"there is no kind {word}{hint}")
