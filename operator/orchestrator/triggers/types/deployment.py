"""`deployment`: a rollout finished, failed or stalled; or an Argo CD Application did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import Line, Model, ObjectName, Text, Uid
from orchestrator.models.chain import chain_of
from orchestrator.triggers.sources import Change, Changes, Event, WatchedResource
from orchestrator.triggers.trigger_type import SAMPLE_UID, TriggerType
from orchestrator.triggers.watched import Labels, selected

REVISION = "deployment.kubernetes.io/revision"
"""The annotation in which the Deployment controller counts rollouts."""
_RESOURCES = {
    "Deployment": WatchedResource("apps", "v1", "deployments"),
    "Application": WatchedResource("argoproj.io", "v1alpha1", "applications"),
}


class RolloutKind(StrEnum):
    """What is rolled out."""

    DEPLOYMENT = "Deployment"
    APPLICATION = "Application"


class RolloutOutcome(StrEnum):
    """What can become of a rollout."""

    FINISHED = "Finished"
    FAILED = "Failed"
    STALLED = "Stalled"


class Rollouts(Model):
    """Rollouts in the namespace."""

    kind: RolloutKind = RolloutKind.DEPLOYMENT
    """Deployment, or Application for those of Argo CD."""
    name: ObjectName | None = None
    """Only of the one of this name."""
    labels: Labels | None = None
    """Only of those with these labels."""
    outcomes: Annotated[list[RolloutOutcome], Field(min_length=1, max_length=3)] = [
        RolloutOutcome.FINISHED,
        RolloutOutcome.FAILED,
    ]
    """Finished: all its pods are new and available; of an Application, its sync succeeded. Failed:
    it exceeded its progress deadline; of an Application, its sync failed. Stalled: its pods cannot
    be created; of an Application, its health is Degraded."""


class Rollout(Model):
    """The event: a rollout came to something."""

    name: ObjectName
    """Name of the Deployment or Application."""
    namespace: Line
    """Its namespace, which is the Trigger's."""
    uid: Uid
    """Its uid."""
    kind: RolloutKind
    """Deployment or Application."""
    generation: int
    """The generation of its spec."""
    outcome: RolloutOutcome
    """What became of the rollout."""
    reason: Line
    """The reason in its status, such as ProgressDeadlineExceeded."""
    message: Text
    """The reason in a sentence."""
    images: Annotated[list[Line], Field(max_length=64)]
    """The images that it runs."""
    revision: Line
    """The number of the rollout; of an Application, the revision in Git."""
    labels: Annotated[dict[str, Line], Field(max_length=512)]
    """Its labels."""


@dataclass(frozen=True, slots=True)
class _Found:
    outcome: RolloutOutcome
    reason: str
    message: str
    at: float | None
    """When it came to it; None if the status does not say."""
    identity: str
    """What distinguishes it from other rollouts of the object."""


def events_of(settings: Rollouts, change: Change) -> Sequence[Event]:
    """The event of what the rollout has come to, which every later change shows too."""
    raw = change.object
    if change.type == "DELETED" or not selected(raw, settings.name, settings.labels):
        return ()
    of_argo = settings.kind is RolloutKind.APPLICATION
    found = _of_application(raw) if of_argo else _of_deployment(raw)
    return tuple(
        _event(settings, change, each) for each in found if each.outcome in settings.outcomes
    )


def _event(settings: Rollouts, change: Change, found: _Found) -> Event:
    raw = change.object
    metadata = raw["metadata"]
    at = change.observed_at if found.at is None else found.at
    chain = chain_of(metadata.get("annotations"), at)
    images, revision = _what(raw, settings.kind)
    data = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "kind": settings.kind.value,
        "generation": metadata.get("generation") or 0,
        "outcome": found.outcome.value,
        "reason": found.reason,
        "message": found.message[:4096],
        "images": images,
        "revision": revision,
        "labels": metadata.get("labels") or {},
    }
    identity = f"{metadata['uid']}/{found.identity}/{found.outcome.value}"
    return Event(DEPLOYMENT.key, identity, data, at, chain.depth + 1, root=chain.root)


def _of_deployment(raw: Mapping[str, Any]) -> Iterator[_Found]:
    """As `kubectl rollout status` judges it, and before that by the failure of its pods."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return  # the status is that of an earlier rollout
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    progressing = conditions.get("Progressing", {})
    failure = conditions.get("ReplicaFailure", {})
    # Not the generation, which a change of the number of replicas raises too.
    counted = (metadata.get("annotations") or {}).get(REVISION)
    identity = f"revision {counted}" if counted else f"generation {metadata['generation']}"
    if _is_complete(spec, status):
        reason = progressing.get("reason") or "MinimumReplicasAvailable"
        message = progressing.get("message") or "all replicas are available"
        at = _moment(progressing, "lastUpdateTime", "lastTransitionTime")
        yield _Found(RolloutOutcome.FINISHED, reason, message, at, identity)
        return
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        message, since = progressing.get("message") or "", _moment(progressing, "lastUpdateTime")
        yield _Found(RolloutOutcome.FAILED, "ProgressDeadlineExceeded", message, since, identity)
    if failure.get("status") == "True":
        reason = failure.get("reason") or "ReplicaFailure"
        message, since = failure.get("message") or "", _moment(failure, "lastTransitionTime")
        yield _Found(RolloutOutcome.STALLED, reason, message, since, identity)


def _is_complete(spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    wanted = spec.get("replicas", 1)
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    return not spec.get("paused") and all(status.get(each, 0) == wanted for each in counts)


def _of_application(raw: Mapping[str, Any]) -> Iterator[_Found]:
    """By its last sync operation, and by its health."""
    status = raw.get("status") or {}
    sync, health = status.get("operationState") or {}, status.get("health") or {}
    outcome = _SYNCS.get(sync.get("phase", ""))
    if outcome is not None and sync.get("finishedAt"):
        at = from_rfc3339(sync["finishedAt"])
        reason, message = f"Sync{sync['phase']}", sync.get("message") or ""
        yield _Found(outcome, reason, message, at, f"sync {sync['finishedAt']}")
    if health.get("status") == "Degraded":
        since = health.get("lastTransitionTime") or status.get("reconciledAt")
        degraded_at = None if since is None else from_rfc3339(since)
        revision = (status.get("sync") or {}).get("revision", "")
        identity = f"health {health.get('lastTransitionTime') or revision}"
        message = health.get("message") or "the Application is Degraded"
        yield _Found(RolloutOutcome.STALLED, "Degraded", message, degraded_at, identity)


_SYNCS = {
    "Succeeded": RolloutOutcome.FINISHED,
    "Failed": RolloutOutcome.FAILED,
    "Error": RolloutOutcome.FAILED,
}


def _what(raw: Mapping[str, Any], kind: RolloutKind) -> tuple[list[str], str]:
    """The images, and the revision."""
    status = raw.get("status") or {}
    if kind is RolloutKind.APPLICATION:
        result = (status.get("operationState") or {}).get("syncResult") or {}
        revision = result.get("revision") or (status.get("sync") or {}).get("revision") or ""
        return list((status.get("summary") or {}).get("images") or ())[:64], revision
    pod = raw["spec"].get("template", {}).get("spec", {})
    images = [each.get("image", "") for each in pod.get("containers") or ()]
    return images[:64], (raw["metadata"].get("annotations") or {}).get(REVISION, "")


def _moment(condition: Mapping[str, Any], *fields: str) -> float | None:
    times = [from_rfc3339(condition[field]) for field in fields if condition.get(field)]
    return max(times, default=None)


def _sample(settings: Rollouts, _at: float) -> dict[str, Any]:
    outcome = settings.outcomes[0]
    return {
        "name": settings.name or "sample",
        "namespace": "default",
        "uid": SAMPLE_UID,
        "kind": settings.kind.value,
        "generation": 2,
        "outcome": outcome.value,
        "reason": _SAMPLE_REASONS[outcome],
        "message": "a sample",
        "images": ["registry.example.com/sample:2"],
        "revision": "2",
        "labels": dict(settings.labels or {}),
    }


_SAMPLE_REASONS = {
    RolloutOutcome.FINISHED: "NewReplicaSetAvailable",
    RolloutOutcome.FAILED: "ProgressDeadlineExceeded",
    RolloutOutcome.STALLED: "FailedCreate",
}


DEPLOYMENT: TriggerType[Any] = TriggerType(
    key="deployment",
    starts="Starts when a rollout finished, failed or stalled.",
    settings=Rollouts,
    event=Rollout,
    source=Changes(lambda settings: _RESOURCES[settings.kind.value], events_of),
    sample=_sample,
)
