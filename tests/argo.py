"""Argo CD's Applications and Argo Rollouts' Rollouts on a real API server, and what their
controllers write: the fields of the two APIs that the actions read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.kube.resources import APPLICATIONS, ROLLOUTS
from tests.kube import Kubectl

GROUP = "argoproj.io"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_OPERATION = {
    "type": "object",
    "properties": {
        "initiatedBy": {"type": "object", "properties": {"username": {"type": "string"}}},
        "info": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            },
        },
        "sync": {
            "type": "object",
            "properties": {
                "revision": {"type": "string"},
                "revisions": {"type": "array", "items": {"type": "string"}},
                "prune": {"type": "boolean"},
                "syncOptions": {"type": "array", "items": {"type": "string"}},
                "source": _ANY,
                "sources": {"type": "array", "items": _ANY},
                "syncStrategy": {
                    "type": "object",
                    "properties": {"apply": _ANY, "hook": _ANY},
                },
            },
        },
    },
}
APPLICATION = {
    "type": "object",
    "required": ["metadata", "spec"],
    "properties": {"spec": _ANY, "status": _ANY, "operation": _OPERATION},
}
"""As Argo CD's definition: no status subresource, and the fields of an operation."""
ROLLOUT = {"type": "object", "properties": {"spec": _ANY, "status": _ANY}}


def definition(kind: str, plural: str, schema: dict[str, Any], *, status: bool) -> dict[str, Any]:
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        **({"subresources": {"status": {}}} if status else {}),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


DEFINITIONS = (
    definition("Application", "applications", APPLICATION, status=False),
    definition("Rollout", "rollouts", ROLLOUT, status=True),
)


@contextmanager
def controller(step: Callable[[], None]) -> Iterator[None]:
    """Repeat a step of a controller beside the test."""
    stopped, problems = threading.Event(), []

    def loop() -> None:
        while not stopped.is_set():
            try:
                step()
            except Exception as error:
                problems.append(error)
                return
            time.sleep(0.2)  # a controller's reaction

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    assert not problems, problems


def application_controller(
    kubectl: Kubectl, name: str, phase: str = "Succeeded", health: str = "Healthy"
) -> Callable[[], None]:
    """What the application controller does with an operation: takes it over, and ends it."""
    api, namespace = kubectl.api, kubectl.namespace

    def step() -> None:
        app = api.get(APPLICATIONS, namespace, name)
        state = (app.get("status") or {}).get("operationState")
        if operation := app.get("operation"):
            running = {"operation": operation, "phase": "Running", "message": "waiting"}
            before = {"reconciledAt": "2026-11-30T10:00:00Z", "health": {"status": "Healthy"}}
            status = {"operationState": running, **before}
            patch: dict[str, Any] = {"operation": None, "status": status}
        elif state and state["phase"] == "Running":
            result = {"revision": state["operation"]["sync"].get("revision", "head")}
            message = "successfully synced" if phase == "Succeeded" else "one object is invalid"
            ended = {**state, "phase": phase, "message": message, "syncResult": result}
            patch = {"status": {"operationState": {**ended, "finishedAt": "2026-11-30T10:00:01Z"}}}
        elif state and (app["status"].get("reconciledAt") or "") < state["finishedAt"]:
            # Until it is reconciled, the health is that before the operation.
            found = {"health": {"status": health}, "sync": {"status": "Synced"}}
            patch = {"status": {"reconciledAt": state["finishedAt"], **found}}
        else:
            return
        api.merge(APPLICATIONS, namespace, name, patch)

    return step


def rollout_controller(kubectl: Kubectl, name: str) -> Callable[[], None]:
    """What the rollouts controller does with a canary of pauses: each step without a pause
    condition is passed, and the next one pauses again."""
    api, namespace = kubectl.api, kubectl.namespace

    def step() -> None:
        rollout = api.get(ROLLOUTS, namespace, name)
        status, steps = rollout["status"], rollout["spec"]["strategy"]["canary"]["steps"]
        index, patch = status["currentStepIndex"], None
        if status.get("promoteFull") or index >= len(steps):
            if status["stableRS"] != status["currentPodHash"]:
                patch = {
                    "phase": "Healthy", "stableRS": status["currentPodHash"], "promoteFull": None,
                    "currentStepIndex": len(steps), "pauseConditions": None,
                }  # fmt: skip
        elif not status.get("pauseConditions"):
            after = index + 1 if status["phase"] == "Paused" else index
            patch = paused(after) if after < len(steps) else {"currentStepIndex": after}
            patch = {**patch, "phase": "Paused" if after < len(steps) else "Progressing"}
        if patch:
            api.merge(ROLLOUTS, namespace, name, {"status": patch}, "status")

    return step


def paused(step: int) -> dict[str, Any]:
    """The status of a Rollout that pauses at a step of its canary."""
    condition = {"reason": "CanaryPauseStep", "startTime": f"2026-01-01T00:00:{step:02d}Z"}
    return {"phase": "Paused", "currentStepIndex": step, "pauseConditions": [condition]}
