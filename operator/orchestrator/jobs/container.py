"""The container of an action: image, entry point and resources, at the restricted level."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.environment import OUTPUTS_PATH, RUNNER, Env
from orchestrator.jobs.images import check_image
from orchestrator.jobs.refusal import JobRefused
from orchestrator.jobs.rendering import escape, literal, render_field
from orchestrator.models.base import parse_duration
from orchestrator.models.pod import Action
from orchestrator.models.reasons import Reason

MAX_TEXTS = 1024 * 1024
"""Maximum bytes of arguments and environment together."""
IMAGE = "spec.action.image"
SCRIPT_SHIM = (
    'printf "%s\\n" "$SCRIPT_SOURCE" > /tmp/script && unset SCRIPT_SOURCE && exec "$@" /tmp/script'
)
"""Writes the Template's script to a file and executes its interpreter. The text is constant: values
from users only arrive in the environment."""


def container(
    action: Action, env: Env, mounts: list[dict[str, Any]], scope: Mapping[str, Any]
) -> dict[str, Any]:
    """The one container of the pod."""
    raw: dict[str, Any] = {
        "name": "action",
        "image": check_image(render_field(action.image or RUNNER, scope, IMAGE), IMAGE),
        **_entry_point(action, scope),
        "env": env,
        "terminationMessagePath": OUTPUTS_PATH,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": _read_only(action),
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if mounts:
        raw["volumeMounts"] = mounts
    if action.env_from:
        raw["envFrom"] = [
            source.model_dump(mode="json", by_alias=True, exclude_none=True)
            for source in action.env_from
        ]
    if action.image_pull_policy is not None:
        raw["imagePullPolicy"] = action.image_pull_policy
    if action.working_dir is not None:
        raw["workingDir"] = render_field(action.working_dir, scope, "spec.action.workingDir")
    if action.resources is not None:
        raw["resources"] = action.resources.model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
    return raw


def check_size(raw: Mapping[str, Any]) -> None:
    """Raises JobRefused for a container that does not fit into a Job: etcd stores at most 1.5
    MiB."""
    texts = [*raw.get("command", ()), *raw.get("args", ())]
    texts += [variable.get("value", "") for variable in raw["env"]]
    if sum(map(len, texts)) <= MAX_TEXTS // 4:
        return
    if (size := sum(len(text.encode()) for text in texts)) > MAX_TEXTS:
        raise JobRefused(
            Reason.PARAMS_TOO_LARGE,
            f"spec.action: arguments and environment are {size:,} bytes together; a Job takes "
            f"{MAX_TEXTS:,} at most",
        )


def grace_seconds(action: Action) -> int | None:
    """Whole seconds between SIGTERM and SIGKILL; None for Kubernetes' default of 30."""
    grace = action.termination_grace_period
    return math.ceil(parse_duration(grace)) if grace else None


def _entry_point(action: Action, scope: Mapping[str, Any]) -> dict[str, Any]:
    if action.script is not None:
        interpreter = _words(action.script.interpreter, "spec.action.script.interpreter")
        return {"command": ["/bin/sh", "-c", SCRIPT_SHIM, "sh", *interpreter]}
    raw: dict[str, Any] = {}
    if action.command is not None:
        raw["command"] = _literals(action.command, scope, "spec.action.command")
    if action.args is not None:
        raw["args"] = _literals(action.args, scope, "spec.action.args")
    return raw


def _words(text: str, path: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise JobRefused(
            Reason.INVALID_SPEC, f"{path}: {text!r} cannot be read: {error}"
        ) from error
    if not words:
        raise JobRefused(Reason.INVALID_SPEC, f"{path}: name a program such as sh or python3")
    return [escape(word, path) for word in words]


def _literals(texts: list[str], scope: Mapping[str, Any], path: str) -> list[str]:
    return [literal(text, scope, f"{path}[{index}]") for index, text in enumerate(texts)]


def _read_only(action: Action) -> bool:
    chosen = action.security_context
    if chosen is None or chosen.read_only_root_filesystem is None:
        return True
    return chosen.read_only_root_filesystem
