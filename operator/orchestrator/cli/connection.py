"""The API server as the commands speak to it: raw JSON, and refusals in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from orchestrator.cli.errors import (
    ExpiredError,
    NotFoundError,
    UnreachableError,
    UsageError,
    in_words,
)
from orchestrator.cli.impersonation import Impersonation, configured
from orchestrator.cli.kinds import Kind
from orchestrator.models.applied import NotUnicodeError, encode_applied
from orchestrator.models.base import DNS_SUBDOMAIN_PATTERN
from orchestrator.models.nearest import did_you_mean

Raw = dict[str, Any]
CONNECT = 10
READ = 60
"""Seconds to connect, and to wait for an answer."""
WATCH = 300
"""Seconds after which the server ends a watch, so that a dead connection is noticed."""
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Target:
    """Which cluster and namespace the user means."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    impersonation: Impersonation = field(default_factory=Impersonation)
    """Whom the user asks to act as, beside what the kubeconfig says."""

    def within(self, namespace: str | None) -> Target:
        """The same cluster, in another namespace if one is named."""
        return replace(self, namespace=namespace) if namespace else self

    def connect(self) -> Cluster:
        """Raises UsageError when there is no usable kubeconfig."""
        from kubernetes import config as kube_config

        try:
            config: Any = kube_config
            client = config.new_client_from_config(self.kubeconfig, self.context)
            every, active = config.list_kube_config_contexts(self.kubeconfig)
            below = configured(self.kubeconfig, self.context)
        except UsageError:
            raise
        except kube_config.ConfigException as error:
            where = self.kubeconfig or "KUBECONFIG or ~/.kube/config"
            raise UsageError(f"no usable kubeconfig ({where}): {error}") from error
        except Exception as error:  # the loader takes it for granted that the file is one
            words = " ".join(str(error).split())
            raise UsageError(f"the kubeconfig cannot be read: {words}") from error
        chosen = next((item for item in every if item["name"] == self.context), active)
        default = chosen.get("context", {}).get("namespace") or "default"
        headers = list(self.impersonation.over(below).headers())
        return Cluster(client, self.namespace or default, headers)


class Cluster:
    """Requests against one cluster; `namespace` is the one commands work in."""

    def __init__(
        self, client: Any, namespace: str, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._client = client
        self._headers = headers
        self.namespace = namespace

    def within(self, namespace: str | None) -> Cluster:
        """The same cluster, in another namespace if one is named."""
        return Cluster(self._client, namespace, self._headers) if namespace else self

    @property
    def user(self) -> str:
        """Who the API server says the user is; empty where it does not tell."""
        return str(self._whoami.get("username", ""))

    @property
    def groups(self) -> list[str]:
        """The groups that the API server says the user is in."""
        return list(self._whoami.get("groups") or ())

    @cached_property
    def _whoami(self) -> Raw:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = self.request("POST", path, body=body)
        except UsageError:
            return {}
        found: Raw = answer["status"]["userInfo"]
        return found

    def get(self, kind: Kind, name: str) -> Raw:
        """One object. Raises UsageError with the nearest names when there is none."""
        found = self.find(kind, name)
        if found is not None:
            return found
        names = [item["metadata"]["name"] for item in self.list(kind)["items"]]
        hint = did_you_mean(name, names, most=3)
        where = f" in namespace {self.namespace}" if kind.namespaced else ""
        raise UsageError(f"there is no {kind.name} {name or repr(name)}{where}{hint}")

    def find(self, kind: Kind, name: str) -> Raw | None:
        """One object, or None."""
        if not re.fullmatch(DNS_SUBDOMAIN_PATTERN, name):
            return None  # nothing is called that, and a path with it would lead elsewhere
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

    def apply(self, kind: Kind, body: Raw, query: Mapping[str, str]) -> Raw:
        """Server-side apply an object; a field that the API server does not know is refused."""
        path = self.path(kind, body["metadata"]["name"])
        query = {"fieldValidation": "Strict", **query}
        try:
            return self.request("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)
        except NotFoundError:
            self.list(kind)
            raise

    def patch(self, kind: Kind, name: str, body: Raw) -> Raw:
        """Merge-patch an object."""
        return self.request("PATCH", self.path(kind, name), body=body, content_type=MERGE_PATCH)

    def edit(self, kind: Kind, name: str, steps: Sequence[Raw]) -> Raw:
        """JSON-patch an object."""
        return self.request("PATCH", self.path(kind, name), body=steps, content_type=JSON_PATCH)

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object; what it owns goes with it."""
        self.request("DELETE", self.path(kind, name))

    def watch(self, kind: Kind, name: str, version: str) -> Iterator[Raw]:
        """The object at each change; ends when the server ends it. UsageError once it is gone."""
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH),
        }
        try:
            for line in self.text(self.path(kind), query, patience=WATCH + READ):
                event = self._read(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] == "DELETED":
                    raise UsageError(f"{kind.name} {name} was deleted")
                yield event["object"]
        except ExpiredError:
            return

    def path(self, kind: Kind, name: str = "", *, every: bool = False) -> str:
        """The path of a collection or of an object in it."""
        within = kind.namespaced and not every
        scope = f"/namespaces/{quote(self.namespace, safe='')}" if within else ""
        return f"{kind.root}{scope}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")

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
        with self._call(method, path, query or {}, body, content_type) as response:
            return self._read(response.read())

    def text(
        self, path: str, query: Mapping[str, str], *, patience: float | None = READ
    ) -> Iterator[str]:
        """The lines of an answer as they come; `patience` is the longest silence, in seconds."""
        with self._call("GET", path, query, None, None, patience) as response:
            pending = b""
            for chunk in response.stream(65536, decode_content=False):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace")
            if pending:
                yield pending.decode(errors="replace")

    def _read(self, answer: bytes | str) -> Raw:
        try:
            read = json.loads(answer)
        except ValueError:
            read = None
        if isinstance(read, dict):
            return read
        host = self._client.configuration.host
        raise UnreachableError(f"{host} answers, but not as a Kubernetes API server does")

    @contextmanager
    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        content_type: str | None,
        patience: float | None = READ,
    ) -> Iterator[Any]:
        import urllib3

        headers = {"Accept": "application/json, */*"}
        if content_type or body is not None:
            headers["Content-Type"] = content_type or "application/json"
        response = None
        applied = _encode(body)
        try:
            parts = self._client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body if content_type != APPLY_PATCH else applied,
                auth_settings=["BearerToken"],
            )
            timeout = (CONNECT, patience)
            response = self._client.call_api(
                *self._acting(*parts), _request_timeout=timeout
            ).response
            if response.status >= 300:
                where = re.search("/namespaces/([^/]+)/", path)
                raise in_words(
                    response.status,
                    response.reason,
                    response.read(),
                    namespace=where[1] if where else "",
                    sent=body,
                )
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            host = self._client.configuration.host
            raise UnreachableError(
                f"the API server at {host} does not answer: {_cause(error)}"
            ) from error
        finally:
            if response is not None:
                response.close()

    def _acting(self, method: str, url: str, headers: Any, *rest: Any) -> tuple[Any, ...]:
        """The request in the name of whom the user acts as; a group is a header of its own."""
        import urllib3

        every = urllib3.HTTPHeaderDict(headers)
        for name, value in self._headers:
            every.add(name, value)
        return method, url, every, *rest


def _encode(body: object) -> str:
    """A body as server-side apply sends it; refuses what no request can carry unchanged."""
    try:
        return encode_applied(body).decode()
    except NotUnicodeError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        raise UsageError(f"this is not JSON: {error}") from error


def _cause(error: BaseException) -> str:
    """Why there is no answer, without how the connection pool put it."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error).rpartition("): ")[2]
