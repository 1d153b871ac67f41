"""The environment of an action's container: the Template's own, ours, and the parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.expressions import SecretValue
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.rendering import escape, literal
from orchestrator.jobs.volumes import TMP
from orchestrator.models.template import TemplateSpec

OUTPUTS_PATH = "/automation/outputs"
"""Where $OUTPUTS points: the termination message's file, bind-mounted by the kubelet."""

Env = list[dict[str, Any]]


def environment(
    template: TemplateSpec, job: NodeJob, identity: ExecutionIdentity, scope: Mapping[str, Any]
) -> Env:
    """All variables. Raises JobRefused for what no container could be given."""
    return [
        *_of_node(job, identity),
        *_of_parameters(job.parameters),
        *_of_template(template, scope),  # last: `$(NAME)` reaches what stands before it
        *_of_script(template),
    ]


def _of_template(template: TemplateSpec, scope: Mapping[str, Any]) -> Env:
    assert template.action is not None
    env: Env = []
    if not any(variable.name == "HOME" for variable in template.action.env or ()):
        env.append({"name": "HOME", "value": TMP})
    for index, variable in enumerate(template.action.env or ()):
        path = f"spec.action.env[{index}].value"
        if variable.value_from is not None:
            source = variable.value_from.model_dump(mode="json", by_alias=True, exclude_none=True)
            env.append({"name": variable.name, "valueFrom": source})
        else:
            env.append({"name": variable.name, "value": literal(variable.value or "", scope, path)})
    return env


def _of_node(job: NodeJob, identity: ExecutionIdentity) -> Env:
    values = {
        "OUTPUTS": OUTPUTS_PATH,
        "EXECUTION_NAME": identity.name,
        "EXECUTION_UID": identity.uid,
        "EXECUTION_NAMESPACE": identity.namespace,
        "WORKFLOW_NAME": identity.workflow,
        "NODE_NAME": job.node,
        "NODE_ITERATION": str(job.iteration),
        "ATTEMPT": str(job.attempt),
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _of_parameters(parameters: Mapping[str, Any]) -> Env:
    env: Env = []
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, SecretValue):
            reference = {"name": value.name, "key": value.key}
            source = {"valueFrom": {"secretKeyRef": reference}}
            env.append({"name": f"PARAM_{name.upper()}", **source})
        elif value is not None:
            plain[name] = value
            text = value if isinstance(value, str) else _json(value)
            env.append({"name": f"PARAM_{name.upper()}", "value": escape(text, f"with.{name}")})
    return [*env, {"name": "PARAMS", "value": escape(_json(plain), "with")}]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_script(template: TemplateSpec) -> Env:
    assert template.action is not None
    script = template.action.script
    if script is None:
        return []
    return [{"name": "SCRIPT_SOURCE", "value": escape(script.source, "spec.action.script.source")}]
