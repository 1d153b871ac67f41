"""The Kubernetes API for actions: plain objects in and out, errors in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from orchestrator.actions.action import ActionError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

_RAW: dict[str, Any] = {"_preload_content": False, "_request_timeout": 30.0}
"""Answers as JSON, without the client's models; seconds a request may take."""
FIELD_MANAGER = "itechsmart-workflow-action"


@dataclass(frozen=True, slots=True)
class Resource:
    """A namespaced resource of an API group."""

    group: str
    version: str
    plural: str


DEPLOYMENTS = Resource("apps", "v1", "deployments")
REPLICA_SETS = Resource("apps", "v1", "replicasets")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets")
DAEMON_SETS = Resource("apps", "v1", "daemonsets")
JOBS = Resource("batch", "v1", "jobs")
INCIDENTS = Resource("automation.itechsmart.dev", "v1alpha1", "incidents")


class Cluster:
    """A connection with the credentials of the pod, or of a kubeconfig outside."""

    def __init__(self, client: ApiClient) -> None:
        # Imported here, as it takes half a second that most actions need not spend.
        from kubernetes.client import CoreV1Api, CustomObjectsApi

        self._core: Any = CoreV1Api(client)
        self._objects: Any = CustomObjectsApi(client)

    @classmethod
    def connect(cls, environ: Mapping[str, str]) -> Cluster:
        """Connect as the pod's service account, or with $KUBECONFIG where it is set.

        Raises ActionError, permanent, when there are no credentials.
        """
        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration

        load_file: Any = config.load_kube_config
        load_pod: Any = config.load_incluster_config
        configuration = Configuration()
        try:
            if environ.get("KUBECONFIG"):
                load_file(config_file=environ["KUBECONFIG"], client_configuration=configuration)
            else:
                load_pod(client_configuration=configuration)
        except config.ConfigException as error:
            raise ActionError(
                f"no access to the Kubernetes API ({error}): the Template must name a "
                "serviceAccountName, or set KUBECONFIG outside a cluster",
                permanent=True,
            ) from None
        return cls(ApiClient(configuration))

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """An object by its name."""
        return _object(
            self._objects.get_namespaced_custom_object(
                resource.group,
                resource.version,
                namespace,
                resource.plural,
                name,
                **_RAW,
            )
        )

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """An object by its name, or None when there is none."""
        from kubernetes.client import ApiException

        try:
            return self.get(resource, namespace, name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def list(self, resource: Resource, namespace: str, selector: str) -> Sequence[Object]:
        """The objects whose labels match."""
        answer = self._objects.list_namespaced_custom_object(
            resource.group,
            resource.version,
            namespace,
            resource.plural,
            label_selector=selector,
            **_RAW,
        )
        return _items(answer)

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object; ApiException 409 when its name is taken."""
        return _object(
            self._objects.create_namespaced_custom_object(
                resource.group,
                resource.version,
                namespace,
                resource.plural,
                body,
                field_manager=FIELD_MANAGER,
                **_RAW,
            )
        )

    def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Change an object by a JSON merge patch (RFC 7386)."""
        return _object(
            self._objects.patch_namespaced_custom_object(
                resource.group,
                resource.version,
                namespace,
                resource.plural,
                name,
                patch,
                field_manager=FIELD_MANAGER,
                _content_type="application/merge-patch+json",
                **_RAW,
            )
        )

    def pod(self, namespace: str, name: str) -> Object:
        """A pod by its name."""
        return _object(
            self._core.read_namespaced_pod(
                name,
                namespace,
                **_RAW,
            )
        )

    def pods(self, namespace: str, selector: str) -> Sequence[Object]:
        """The pods whose labels match."""
        return _items(
            self._core.list_namespaced_pod(
                namespace,
                label_selector=selector,
                **_RAW,
            )
        )

    def events(self, namespace: str, field_selector: str) -> Sequence[Object]:
        """The events that match, in no useful order."""
        return _items(
            self._core.list_namespaced_event(
                namespace,
                field_selector=field_selector,
                **_RAW,
            )
        )

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
        """The end of a container's log; ApiException 400 while it has none."""
        answer = self._core.read_namespaced_pod_log(
            pod,
            namespace,
            container=container,
            tail_lines=lines,
            since_seconds=seconds,
            previous=previous,
            **_RAW,
        )
        return bytes(answer.data).decode("utf-8", errors="replace")


def _object(answer: Any) -> Object:
    value: Object = json.loads(answer.data)
    return value


def _items(answer: Any) -> Sequence[Object]:
    items: Sequence[Object] = _object(answer)["items"]
    return items


def explain(error: Exception) -> str:
    """The API server's own words for a refusal."""
    try:
        message = json.loads(getattr(error, "body", "") or "")["message"]
    except (ValueError, KeyError, TypeError):
        message = getattr(error, "reason", None) or str(error)
    return re.sub(r"\s+", " ", str(message)).strip()


def classify(error: Exception) -> ActionError | None:
    """What an error of the API is worth: conflicts, throttling and its own failures pass."""
    from kubernetes.client import ApiException

    if isinstance(error, ApiException):
        status = error.status or 0
        return ActionError(
            explain(error) or f"the Kubernetes API answered {status}",
            permanent=400 <= status < 500 and status not in (408, 409, 429),
        )
    if isinstance(error, HTTPError):
        return ActionError(f"cannot reach the Kubernetes API: {error}")
    return None
