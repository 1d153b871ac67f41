"""Builds the one Indexed Job of a fan-out, and the ConfigMaps with its items."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.expressions import SecretValue, compile_text
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.build import build_pod, metadata, owner, pod_metadata, template_scope
from orchestrator.jobs.container import check_size
from orchestrator.jobs.environment import reads_params_only
from orchestrator.jobs.evidence import ACTION
from orchestrator.jobs.items import (
    ARGUMENT,
    DIRECTORY,
    MAX_ITEMS,
    SHIM,
    config_data,
    json_line,
    shim_line,
)
from orchestrator.jobs.names import job_name
from orchestrator.jobs.refusal import JobRefused
from orchestrator.jobs.rendering import escape, literal
from orchestrator.models.pod import Action, PodSettings
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec

MAX_DEADLINE = 366 * 24 * 3600
"""Maximum deadline of a Job in seconds."""


@dataclass(frozen=True, slots=True)
class FanOutJob:
    """One fan-out; `items` are the rendered and checked parameters of each. Times in seconds."""

    node: str
    attempt: int
    items: Sequence[Mapping[str, Any]]
    item_timeout: int
    timeout: int | None
    parallelism: int
    max_failed: int
    retries: int
    """Extra attempts of an item that failed."""
    replace_disrupted: bool
    """Whether a disrupted pod is replaced without being counted."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """The objects to create, the ConfigMaps first."""

    config_maps: tuple[dict[str, Any], ...]
    job: dict[str, Any]


def build_fan_out(
    template: TemplateSpec,
    fan_out: FanOutJob,
    identity: ExecutionIdentity,
    pod: PodSettings | None,
    runner_image: str,
) -> FanOut:
    """The manifests for the API. Raises JobRefused with a reason and the path."""
    assert template.action is not None
    count = len(fan_out.items)
    if count > MAX_ITEMS:
        message = f"forEach has {count:,} items; at most {MAX_ITEMS:,}"
        raise JobRefused(Reason.TOO_MANY_ITEMS, message)
    _check_fixed(template.action)
    shared = NodeJob(fan_out.node, fan_out.attempt, 0, _secrets(fan_out), fan_out.item_timeout)
    fixed, words = _split(template)
    scope = template_scope(shared, identity, runner_image)
    spec = build_pod(
        fixed.action or template.action, fixed, shared, identity, pod, scope, fan_out=True
    )
    container = spec["containers"][0]
    container["env"] = [item for item in container["env"] if item["name"] != "PARAMS"]
    shim = template.action.command is not None or template.action.script is not None
    if not shim and _varies_in_env(template.action):
        raise JobRefused(Reason.INVALID_SPEC, f"spec.action.env: {_NEEDS_COMMAND}")
    lines = []
    for index, parameters in enumerate(fan_out.items):
        if shim:
            own = NodeJob(fan_out.node, fan_out.attempt, 0, parameters, fan_out.item_timeout)
            item_scope = template_scope(own, identity, runner_image, index)
            lines.append(shim_line(_fields(template.action, parameters, words, item_scope)))
        else:
            lines.append(json_line(_plain(parameters)))
    if shim:
        container["command"] = [
            "/bin/sh", "-c", escape(SHIM, "shim"), "sh", *container.get("command", ())
        ]  # fmt: skip
    name = job_name(identity.workflow, fan_out.node, identity.uid, fan_out.attempt, indexed=True)
    marks = metadata(shared, identity)
    per_file, shards = config_data(lines)
    maps = _config_maps(name, shards, marks, identity)
    container["env"] += [
        {"name": "PARAMS_DIR", "value": DIRECTORY},
        {"name": "PARAMS_PER_FILE", "value": str(per_file)},
    ]
    container.setdefault("volumeMounts", []).append(
        {"name": "automation-items", "mountPath": DIRECTORY, "readOnly": True}
    )
    sources = [{"configMap": {"name": item["metadata"]["name"]}} for item in maps]
    items = {"name": "automation-items", "projected": {"sources": sources}}
    spec.setdefault("volumes", []).append(items)
    check_size(container)
    return FanOut(maps, _job(name, fan_out, template, marks, pod, spec, identity))


_NEEDS_COMMAND = (
    "depends on the item, and only an action with command or script can be given it; read it from"
    " line $JOB_COMPLETION_INDEX % $PARAMS_PER_FILE of $PARAMS_DIR/items-N, where N is"
    " $JOB_COMPLETION_INDEX / $PARAMS_PER_FILE"
)


def _job(
    name: str,
    fan_out: FanOutJob,
    template: TemplateSpec,
    marks: Mapping[str, Any],
    pod: PodSettings | None,
    spec: Mapping[str, Any],
    identity: ExecutionIdentity,
) -> dict[str, Any]:
    count = len(fan_out.items)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": identity.namespace,
            **marks,
            "ownerReferences": [owner(identity)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": min(fan_out.parallelism, count),
            "backoffLimitPerIndex": fan_out.retries,
            "maxFailedIndexes": min(fan_out.max_failed, count),
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": _deadline(fan_out),
            "podFailurePolicy": {"rules": _failure_rules(fan_out, template)},
            "template": {"metadata": pod_metadata(marks, pod), "spec": spec},
        },
    }


def _deadline(fan_out: FanOutJob) -> int:
    """forEach.timeout, otherwise twice the time of all items, one round after the other."""
    if fan_out.timeout is not None:
        return fan_out.timeout
    rounds = math.ceil(len(fan_out.items) / fan_out.parallelism)
    return min(2 * rounds * fan_out.item_timeout * (fan_out.retries + 1), MAX_DEADLINE)


def _failure_rules(fan_out: FanOutJob, template: TemplateSpec) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if template.permanent_exit_codes:
        codes = {
            "containerName": ACTION,
            "operator": "In",
            "values": sorted(set(template.permanent_exit_codes)),
        }
        rules.append({"action": "FailIndex", "onExitCodes": codes})
    if fan_out.replace_disrupted:
        disrupted = [{"type": "DisruptionTarget", "status": "True"}]
        rules.append({"action": "Ignore", "onPodConditions": disrupted})
    return rules


def _config_maps(
    name: str,
    shards: Sequence[Mapping[str, str]],
    marks: Mapping[str, Any],
    identity: ExecutionIdentity,
) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{name}-{number}",
                "namespace": identity.namespace,
                **marks,
                "ownerReferences": [owner(identity)],
            },
            "immutable": True,
            "data": dict(data),
        }
        for number, data in enumerate(shards)
    )


def _check_fixed(action: Action) -> None:
    """One pod template serves all items, so only words and variables can differ."""
    for field, text in (("image", action.image), ("workingDir", action.working_dir)):
        if text is not None and _varies(text):
            message = f"spec.action.{field}: cannot depend on the item of a forEach: {text!r}"
            raise JobRefused(Reason.INVALID_SPEC, message)


def _split(template: TemplateSpec) -> tuple[TemplateSpec, list[str]]:
    """The Template without the parts that depend on the item, and the words from the first one that
    does."""
    action = template.action
    assert action is not None
    update: dict[str, Any] = {}
    if _varies_in_env(action):
        update["env"] = [item for item in action.env or () if not _varies(item.value or "")]
    every = [*(action.command or ()), *(action.args or ())]
    first = next((place for place, word in enumerate(every) if _varies(word)), len(every))
    if first < len(every):
        if action.command is None or first == 0:
            raise JobRefused(Reason.INVALID_SPEC, f"spec.action.args: {_NEEDS_COMMAND}")
        update["command"], update["args"] = every[:first], None
    if not update:
        return template, []
    fixed = template.model_copy(update={"action": action.model_copy(update=update)})
    return fixed, every[first:]


def _varies_in_env(action: Action) -> bool:
    return any(_varies(item.value or "") for item in action.env or ())


def _varies(text: str) -> bool:
    """Whether a text of a Template depends on the parameters or the index."""
    if "$[[" not in text:
        return False
    return any(
        reference[0] in ("params", "index") or reference in (("node",), ("node", "key"))
        for reference in compile_text(text).references
    )


def _fields(
    action: Action, parameters: Mapping[str, Any], words: Sequence[str], scope: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """The variables and words of an item's process, in addition to those of all items."""
    plain = _plain(parameters)
    fields: list[tuple[str, str]] = []
    if not reads_params_only(action):
        fields += [
            (f"PARAM_{name.upper()}", value if isinstance(value, str) else _json(value))
            for name, value in plain.items()
        ]
    fields.append(("PARAMS", _json(plain)))
    for place, variable in enumerate(action.env or ()):
        text = variable.value or ""
        if _varies(text):
            path = f"spec.action.env[{place}].value"
            fields.append((variable.name, _unescaped(literal(text, scope, path))))
    for word in words:
        value = literal(word, scope, "spec.action.args")
        fields.append((ARGUMENT, _unescaped(value) if "$[[" in word else value))
    for name, value in fields:
        escape(value, name)  # values that no process can be given are refused as for any other node
    return fields


def _unescaped(text: str) -> str:
    return text.replace("$$", "$")


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in parameters.items()
        if value is not None and not isinstance(value, SecretValue)
    }


def _secrets(fan_out: FanOutJob) -> dict[str, Any]:
    """The secret parameters, which all items share."""

    def of(parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in parameters.items() if isinstance(v, SecretValue)}

    first = of(fan_out.items[0])
    for index, parameters in enumerate(fan_out.items):
        if of(parameters) != first:
            message = f"item {index}: a secret cannot depend on the item of a forEach"
            raise JobRefused(Reason.INVALID_PARAMETERS, message)
    return first


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
