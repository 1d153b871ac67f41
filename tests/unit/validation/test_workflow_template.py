"""Templates of whole workflows: judged when they are applied, and what they become."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.template import validate_template

ECHO = TemplateSpec.model_validate(
    {
        "parameters": [
            {"name": "text", "type": "string", "enum": ["a", "b"]},
            {"name": "count", "type": "integer"},
            {"name": "token", "type": "secret"},
        ],
        "outputs": [{"name": "said", "type": "string"}],
        "action": {"command": ["echo"]},
    }
)
GOOD: dict[str, Any] = yaml.safe_load(
    """
parameters:
- {name: service, type: string, required: true}
- {name: attempts, type: integer, default: 3}
workflow:
  title: "Check $[[ params.service ]]"
  variables:
  - {name: limit, type: integer, default: "$[[ params.attempts ]]", minimum: 1, maximum: 5}
  - {name: token, type: secret, secretKeyRef: {name: api, key: token}}
  nodes:
  - name: say
    action: echo
    with:
      text: "$[[ params.service ]]"
      count: "$[[ params.attempts ]]"
      token: "$[[ vars.token ]]"
  - name: enough
    condition: nodes.say.outputs.said == 'x' and vars.limit > 2
  - name: stop
    fail: "$[[ params.service ]] said $[[ nodes.say.outputs.said ]]"
  edges:
  - {from: say, to: enough}
  - {from: enough, to: stop}
"""
)


def judged(raw: dict[str, Any], *, known: bool = True) -> str:
    spec = parse(TemplateSpec, raw)
    templates = {"echo": ECHO} if known else None
    wrong = spec if isinstance(spec, list) else validate_template(spec, templates)
    return "\n".join(map(str, wrong))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good Template with one field set; `path` as a.0.b."""
    raw = copy.deepcopy(GOOD)
    *steps, last = path.split(".")
    inner: Any = raw
    for step in steps:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[int(last) if isinstance(inner, list) else last] = value
    return raw


def test_a_sound_template_of_a_whole_workflow_is_valid() -> None:
    assert judged(GOOD) == ""
    assert judged(GOOD, known=False) == ""


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            "workflow.nodes.0.with.text",
            "$[[ params.servise ]]",
            "spec.workflow.nodes[0].with.text: there is no parameter 'servise'; did you mean 'serv",
        ),
        (
            "workflow.nodes.0.with.text",
            "$[[ params.service ~ vars.limit ]]",
            "spec.workflow.nodes[0].with.text: 'params.service ~ vars.limit' reads params, which",
        ),
        (
            "workflow.title",
            "$[[ params.attempts + 1",
            "spec.workflow.title: $[[ at character 1 has no ]]",
        ),
        (
            "workflow.nodes.0.action",
            "$[[ params.service ]]",
            "spec.workflow.nodes[0].action: the action of a node cannot be a parameter",
        ),
        (
            "workflow.nodes.1.condition",
            "params.attempts > 2",
            "spec.workflow.nodes[1].condition: params is known in Templates only; here variables",
        ),
        (
            "workflow.variables.0.default",
            "$[[ params.service ]]",
            "spec.workflow.variables[0].default: is of type string; the variable limit is of type",
        ),
        (
            "workflow.nodes.0.with.token",
            "$[[ params.service ]]",
            "spec.workflow.nodes[0].with.token: takes only a secret variable",
        ),
        (
            "workflow.nodes.0.with.count",
            "$[[ params.attempts ]] times",
            "spec.workflow.nodes[0].with.count: must be integer; an expression with text around it",
        ),
        (
            "workflow.nodes.0.with",
            {"txt": "a"},
            "spec.workflow.nodes[0].with.txt: 'echo' has no parameter 'txt'; did you mean 'text'?",
        ),
        ("workflow.edges.0.to", "enuf", "spec.workflow.edges[0].to: there is no node 'enuf'"),
        (
            "workflow.nodes.2.fail",
            "$[[ nodes.later.message ]]",
            "spec.workflow.nodes[2].fail: there is no node 'later'",
        ),
        (
            "parameters.0",
            {"name": "service", "type": "secret"},
            "spec.parameters[0].type: a Workflow is created from plain values; declare",
        ),
        ("outputs", [{"name": "x", "type": "string"}], "spec.outputs: are those of an action"),
        ("permanentExitCodes", [3], "spec.permanentExitCodes: are those of an action's container"),
        (
            "rights",
            [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
            "spec.rights: are those of an action; each Template declares its own",
        ),
        (
            "action",
            {"command": ["x"]},
            "spec: a template has exactly one of action and workflow; this one has action and",
        ),
        ("workflow.nodes.0.timeout", "soon", "spec.workflow.nodes[0].timeout"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(path: str, value: Any, problem: str) -> None:
    assert problem in judged(changed(path, value))


def test_actions_are_judged_where_it_is_known_which_there_are() -> None:
    raw = changed("workflow.nodes.0.action", "ecko")
    assert "spec.workflow.nodes[0].action: there is no ClusterTemplate 'ecko'" in judged(raw)
    assert judged(raw, known=False) == ""
