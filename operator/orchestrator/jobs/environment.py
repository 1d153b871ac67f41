"""The environment of an action's container: the Template's variables, ours, and the parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.expressions import SecretValue
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.context import context_variables
from orchestrator.jobs.rendering import escape, literal
from orchestrator.jobs.volumes import TMP, has_tmp
from orchestrator.models.pod import Action
from orchestrator.models.template import TemplateSpec

OUTPUTS_PATH = "/automation/outputs"
"""Path in $OUTPUTS: the termination message's file, bind-mounted by the kubelet."""

TRACE_VARIABLE = "TRACEPARENT"
"""The span of the node, as SDKs of OpenTelemetry read it from the environment."""

Env = list[dict[str, Any]]


RUNNER = "$[[ runner.image ]]"
"""The runner's image, the default for a Template without an image."""
_ENTRY_POINT = ["orchestrator", "action"]


def environment(
    template: TemplateSpec,
    job: NodeJob,
    identity: ExecutionIdentity,
    scope: Mapping[str, Any],
    *,
    fan_out: bool = False,
) -> Env:
    """All variables. Raises JobRefused for values that no container can be given."""
    assert template.action is not None
    return [
        {"name": "OUTPUTS", "value": OUTPUTS_PATH},
        *context_variables(job, identity, fan_out=fan_out),
        *_of_trace(job, identity),
        *_of_parameters(job.parameters, single=not reads_params_only(template.action)),
        *_of_template(template, scope),  # last: `$(NAME)` refers to earlier variables
        *_of_script(template),
    ]


def _of_trace(job: NodeJob, identity: ExecutionIdentity) -> Env:
    if identity.trace is None:
        return []
    return [{"name": TRACE_VARIABLE, "value": str(identity.trace.node(job.node))}]


def reads_params_only(action: Action) -> bool:
    """Whether a container runs one of the runner's own actions, which reads its parameters from
    PARAMS and needs no variable for each."""
    command = action.command or []
    if action.image not in (None, RUNNER) or command[:2] != _ENTRY_POINT:
        return False
    written = [*(action.args or ()), *command[2:]]
    written += [variable.value or "" for variable in action.env or ()]
    return not any("$(PARAM_" in text for text in written)


def _of_template(template: TemplateSpec, scope: Mapping[str, Any]) -> Env:
    assert template.action is not None
    env: Env = []
    named = {variable.name for variable in template.action.env or ()}
    if has_tmp(template.action) and "HOME" not in named:  # nothing else is writable
        env.append({"name": "HOME", "value": TMP})
    for index, variable in enumerate(template.action.env or ()):
        path = f"spec.action.env[{index}].value"
        if variable.value_from is not None:
            source = variable.value_from.model_dump(mode="json", by_alias=True, exclude_none=True)
            env.append({"name": variable.name, "valueFrom": source})
        else:
            env.append({"name": variable.name, "value": literal(variable.value or "", scope, path)})
    return env


def _of_parameters(parameters: Mapping[str, Any], *, single: bool) -> Env:
    """PARAMS if there are any, and with `single` a variable for each; a secret always has its
    own."""
    env: Env = []
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, SecretValue):
            reference = {"name": value.name, "key": value.key}
            source = {"valueFrom": {"secretKeyRef": reference}}
            env.append({"name": f"PARAM_{name.upper()}", **source})
        elif value is not None:
            plain[name] = value
            text = escape(value if isinstance(value, str) else _json(value), f"with.{name}")
            if single:
                env.append({"name": f"PARAM_{name.upper()}", "value": text})
    if plain:
        env.append({"name": "PARAMS", "value": escape(_json(plain), "with")})
    return env


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_script(template: TemplateSpec) -> Env:
    assert template.action is not None
    script = template.action.script
    if script is None:
        return []
    return [{"name": "SCRIPT_SOURCE", "value": escape(script.source, "spec.action.script.source")}]
