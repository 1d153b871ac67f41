"""wait-for: wait until objects have a condition or a value, exist, or are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.kinds import OfKind, place_of, target
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.kube.resources import (
    AUTOSCALERS,
    CLAIMS,
    DAEMON_SETS,
    DEPLOYMENTS,
    INGRESSES,
    JOBS,
    PODS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
)
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient
    from orchestrator.kube.resources import Resource

MIN_POLL, MAX_POLL = 0.25, 2.0
"""Seconds between two reads: a tenth of the time waited, within these bounds."""
AWAITED = (
    PODS,
    SERVICES,
    CLAIMS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    REPLICA_SETS,
    JOBS,
    INGRESSES,
    AUTOSCALERS,
)
"""Kinds whose objects it may read by its own rights: those with a status, without Secrets."""
Check = Callable[[Object], str]
"""What an object still lacks; empty if nothing."""


class WaitFor(OfKind):
    """Parameters of wait-for."""

    name: Name = ""
    """Name of the object; give either this or selector."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the objects, as for kubectl; all of them must be as asked, and there must
    be one, except for deleted."""
    condition: Annotated[str, Field(max_length=253)] = ""
    """A condition of the status, such as Ready, Available=True or Complete; its value is True
    unless given, and compared without regard to case."""
    jsonpath: Annotated[str, Field(max_length=1024)] = ""
    """A JSONPath as kubectl's, such as {.status.phase}; it must give a value, or the one in
    value."""
    value: Annotated[str, Field(max_length=4096)] = ""
    """Value that jsonpath must give; any if empty."""
    created: bool = False
    """Wait until the object exists."""
    deleted: bool = False
    """Wait until the object is gone."""
    timeout: Duration = "5m"
    """Maximum time to wait."""

    @model_validator(mode="after")
    def _one(self) -> WaitFor:
        if bool(self.name) == bool(self.selector):
            raise ValueError("give either name or selector")
        if sum(map(bool, (self.condition, self.jsonpath, self.created, self.deleted))) != 1:
            raise ValueError("give one of condition, jsonpath, created and deleted")
        if self.value and not self.jsonpath:
            raise ValueError("value needs jsonpath")
        return self


class WaitedFor(Outputs):
    """Outputs of wait-for."""

    bulky = ("names",)

    names: list[str]
    """Names of the objects that are as asked; those that were awaited to be gone."""
    duration_seconds: int
    """Time waited, in seconds."""
    truncated: bool = False
    """Whether an output was truncated."""


def wait_for(parameters: WaitFor, context: Context) -> WaitedFor:
    """Waits until objects have a condition or a value, exist, or are gone, as kubectl wait does. An
    object that does not exist is a failure at once, except for created and deleted."""
    check = _check(parameters)
    cluster = context.cluster()
    resource, namespace = target(cluster, parameters, context)
    started, last = context.clock.monotonic(), ""
    names: list[str] = []
    while True:
        found = _found(cluster, resource, namespace, parameters)
        lacking = _lacking(parameters, resource, namespace, found, check, first=not last)
        names = [str(each["metadata"]["name"]) for each in found] or names
        waited = context.clock.monotonic() - started
        if not lacking:
            context.log(f"{', '.join(names) or parameters.name}: as asked after {waited:.0f} s")
            return WaitedFor(names=names, duration_seconds=round(waited))
        if lacking != last:
            context.log(lacking)
            last = lacking
        if waited >= parse_duration(parameters.timeout):
            raise ActionError(f"{lacking} after {waited:.0f} s")
        context.clock.sleep(min(max(MIN_POLL, waited / 10), MAX_POLL))


def _found(
    cluster: BlockingClient, resource: Resource, namespace: str, parameters: WaitFor
) -> list[Object]:
    if parameters.name:
        one = cluster.find(resource, namespace, parameters.name)
        return [one] if one else []
    return cluster.list(resource, namespace, label_selector=parameters.selector)


def _lacking(
    parameters: WaitFor,
    resource: Resource,
    namespace: str,
    found: list[Object],
    check: Check,
    *,
    first: bool,
) -> str:
    """What the objects still lack, for the log and for the error; empty if nothing."""
    shown = place_of(resource, namespace, parameters.name or parameters.selector)
    if parameters.deleted:
        left = [place_of(resource, namespace, each["metadata"]["name"]) for each in found]
        return f"{left[0]} still exists" if left else ""
    if not found:
        if first and not parameters.created:
            raise ActionError(f"{shown} does not exist", permanent=True)
        return f"{shown} does not exist"
    for each in found:
        if lacks := check(each):
            return f"{place_of(resource, namespace, each['metadata']['name'])} {lacks}"
    return ""


def _check(parameters: WaitFor) -> Check:
    if parameters.condition:
        name, _, value = parameters.condition.partition("=")
        return lambda found: _condition(found, name, value or "True")
    if parameters.jsonpath:
        from orchestrator.formats.jsonpath import JsonPathError, as_text, read_path

        try:
            path = read_path(parameters.jsonpath)
        except JsonPathError as error:
            raise ActionError(str(error), permanent=True) from None
        wanted, shown = parameters.value, parameters.jsonpath

        def of_path(found: Object) -> str:
            values = [as_text(each) for each in path.values(found, found)]
            if wanted in values or (values and not wanted):
                return ""
            return f"has {', '.join(values) or 'no value'} at {shown}"

        return of_path
    return lambda _found: ""


def _condition(found: Object, name: str, value: str) -> str:
    """Why the condition does not count yet; one of an older generation does not."""
    generation = found["metadata"].get("generation", 0)
    conditions: list[Any] = (found.get("status") or {}).get("conditions") or []
    for each in conditions:
        if each["type"].lower() != name.lower():
            continue
        if each.get("observedGeneration", generation) < generation:
            return f"has condition {name} of an older generation"
        if each["status"].lower() == value.lower():
            return ""
        message = " ".join(str(each.get("message") or each.get("reason") or "").split())
        return f"has condition {name}={each['status']}{f': {message}' if message else ''}"
    return f"has no condition {name}"


ACTION = Action(
    name="wait-for",
    title="Wait for objects",
    category="kubernetes",
    icon="clock",
    parameters=WaitFor,
    outputs=WaitedFor,
    run=wait_for,
    retries=(
        "Retried: objects that are not as asked within the timeout, no response, throttling, "
        "failures of the API server. Not retried: an object that does not exist, a kind that the "
        "API server does not serve, missing permissions. It only reads."
    ),
    classify=classify,
    rights=tuple(
        Right(
            resource,
            {
                "get": "read the object that is named",
                "list": "find the objects that the selector matches",
            },
        )
        for resource in AWAITED
    ),
    family=Family.DIAGNOSTICS,
    example="""
        nodes:
        - name: available
          action: wait-for
          with: {kind: Deployment, name: web, condition: Available, timeout: 10m}
    """,
)
