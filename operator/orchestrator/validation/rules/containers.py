"""Containers of actions have no conflicting fields and no reserved names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from orchestrator.models.exactly_one import ENV_FROM, VALUE_FROM, VOLUME
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.names import no_duplicates
from orchestrator.validation.rules.times import positive

OUR_ENVIRONMENT = frozenset(
    {
        "PARAMS",
        "PARAMS_DIR",
        "PARAMS_PER_FILE",
        "OUTPUTS",
        "CONTEXT",
        "WORKSPACE",
        "JOB_COMPLETION_INDEX",
        "SCRIPT_SOURCE",
    }
)
"""Environment variables that the operator sets, in addition to PARAM_NAME for each parameter."""


def script_or_command(spec: TemplateSpec) -> Iterator[Problem]:
    """An action has either a script, or command and args."""
    action = spec.action
    if action is None or action.script is None:
        return
    for field, value in (("command", action.command), ("args", action.args)):
        if value is not None:
            yield Problem(f"spec.action.{field}", "an action has a script, or command and args")


def environment(spec: TemplateSpec) -> Iterator[Problem]:
    """Environment variables are unique, and none is reserved."""
    entries = (spec.action.env if spec.action else None) or []
    yield from no_duplicates(
        ((f"spec.action.env[{i}].name", entry.name) for i, entry in enumerate(entries)),
        "a variable",
    )
    for i, entry in enumerate(entries):
        if entry.name in OUR_ENVIRONMENT or entry.name.startswith("PARAM_"):
            message = f"{entry.name} is set by the operator; choose another name"
            yield Problem(f"spec.action.env[{i}].name", message)


def environment_sources(spec: TemplateSpec) -> Iterator[Problem]:
    """A variable has exactly one source."""
    action = spec.action
    for i, entry in enumerate((action.env if action else None) or []):
        path = f"spec.action.env[{i}]"
        if entry.value is not None and entry.value_from is not None:
            yield Problem(path, "set either value or valueFrom, not both")
        source = entry.value_from
        if source is not None and (message := VALUE_FROM.problem(source)):
            yield Problem(f"{path}.valueFrom", message)
    for i, reference in enumerate((action.env_from if action else None) or []):
        if message := ENV_FROM.problem(reference):
            yield Problem(f"spec.action.envFrom[{i}]", message)


def volumes(spec: TemplateSpec) -> Iterator[Problem]:
    """A volume has one type, a unique name and a unique mount path."""
    found = (spec.action.volumes if spec.action else None) or []
    paths = [f"spec.action.volumes[{i}]" for i in range(len(found))]
    for path, volume in zip(paths, found, strict=True):
        if message := VOLUME.problem(volume):
            yield Problem(path, message)
        where = posixpath.normpath(volume.mount_path)
        if where != "/" and ".." not in volume.mount_path.split("/"):
            continue
        message = f"{volume.mount_path!r} cannot be mounted over; choose a folder such as /data"
        yield Problem(f"{path}.mountPath", message)
    named = zip(paths, found, strict=True)
    yield from no_duplicates(((f"{p}.name", volume.name) for p, volume in named), "a volume")
    mounted = zip(paths, found, strict=True)
    yield from no_duplicates(
        ((f"{p}.mountPath", posixpath.normpath(volume.mount_path)) for p, volume in mounted),
        "a volume at",
    )


def grace_period(spec: TemplateSpec) -> Iterator[Problem]:
    """The time between SIGTERM and SIGKILL is a duration that Kubernetes accepts."""
    grace = spec.action.termination_grace_period if spec.action else None
    if grace is not None:
        yield from positive("spec.action.terminationGracePeriod", grace)
