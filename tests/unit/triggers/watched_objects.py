"""Objects that triggers watch, as the API server returns them, and the events of each type."""

from __future__ import annotations

import copy
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Change, Changes, Event
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.triggers.types.manual import MANUAL, start

NOON = "2026-01-31T12:00:00Z"
AT = from_rfc3339(NOON)


def metadata(name: str, **fields: Any) -> Raw:
    """What every object carries."""
    return {
        "name": name,
        "namespace": "ns",
        "uid": f"u-{name}",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-31T11:00:00Z",
        **fields,
    }


def deployment(**status: Any) -> Raw:
    """A Deployment of two replicas whose second rollout is complete."""
    complete = {
        "type": "Progressing",
        "status": "True",
        "reason": "NewReplicaSetAvailable",
        "message": 'ReplicaSet "web-2" has successfully progressed.',
        "lastUpdateTime": NOON,
        "lastTransitionTime": "2026-01-31T11:00:00Z",
    }
    annotations = {"deployment.kubernetes.io/revision": "2"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("web", generation=4, annotations=annotations, labels={"app": "web"}),
        "spec": {
            "replicas": 2,
            "template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}},
        },
        "status": {
            "observedGeneration": 4,
            "replicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": 2,
            "conditions": [complete],
            **status,
        },
    }


def application(**status: Any) -> Raw:
    """An Application of Argo CD whose sync succeeded."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata("shop", generation=9),
        "spec": {},
        "status": {
            "operationState": {
                "phase": "Succeeded",
                "message": "successfully synced",
                "finishedAt": NOON,
                "syncResult": {"revision": "abc123"},
            },
            "health": {"status": "Healthy", "lastTransitionTime": NOON},
            "summary": {"images": ["shop:1"]},
            **status,
        },
    }


def entry(field: str, to: str, at: str = NOON, before: str | None = None) -> Raw:
    """An entry of a timeline."""
    return {"at": at, "field": field, "from": before, "to": to}


def incident(*timeline: Raw, **spec: Any) -> Raw:
    """An Incident with its timeline."""
    observed = {"title": "the shop is down", "severity": "High", "state": "Open", **spec}
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "Incident",
        "metadata": metadata("shop-down", generation=1),
        "spec": observed,
        "status": {"observed": observed, "timeline": list(timeline) or [entry("state", "Open")]},
    }


def report(**fields: Any) -> Raw:
    """A Kubernetes Event about a pod that crashes."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata("web-1.17a", managedFields=[{"manager": "kubelet", "time": NOON}]),
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "web-1",
            "namespace": "ns",
            "uid": "u-web-1",
            "fieldPath": "spec.containers{web}",
        },
        "reason": "BackOff",
        "type": "Warning",
        "message": "Back-off restarting failed container",
        "count": 3,
        "firstTimestamp": "2026-01-31T11:50:00Z",
        "lastTimestamp": NOON,
        "source": {"component": "kubelet", "host": "node-1"},
        **fields,
    }


def config_map(name: str = "settings", **fields: Any) -> Raw:
    """A ConfigMap that was written at noon."""
    written = {"managedFields": [{"manager": "kubectl", "time": NOON, "fieldsV1": {"f:data": {}}}]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, **written, **fields),
        "data": {"key": "value"},
    }


def read(**spec: Any) -> tuple[Trigger, Changes[Any]]:
    """A valid Trigger, and its source."""
    trigger = REGISTRY.read({"workflow": "w", **spec})
    assert isinstance(trigger, Trigger), trigger
    source = trigger.type.source
    assert isinstance(source, Changes)
    return trigger, source


def found(raw: Raw, change: str = "MODIFIED", **spec: Any) -> list[Event]:
    """The events that a Trigger finds in a change."""
    trigger, source = read(**spec)
    return list(source.events(trigger.settings, Change(change, copy.deepcopy(raw), AT + 1)))


def _event(raw: Raw, **spec: Any) -> tuple[TriggerType[Any], Event]:
    (event,) = found(raw, **spec)
    return read(**spec)[0].type, event


WATCHED = [
    (MANUAL, start({"service": "shop"}, "change-1", AT, "ana")),
    _event(deployment(), deployment={}),
    _event(application(), deployment={"kind": "Application"}),
    _event(incident(), incident={}),
    _event(report(), kubernetesEvent={"reasons": ["BackOff"]}),
    _event(
        config_map(labels={"app": "web"}),
        resource={"apiVersion": "v1", "kind": "ConfigMap", "changes": ["Modified"]},
    ),
]
"""An event of each type that follows objects."""
