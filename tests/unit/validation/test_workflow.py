"""Wrong workflows, and what their authors are told: where, and what would be right."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import MAX_PROBLEMS
from orchestrator.validation.rules.registry import RULES
from orchestrator.validation.workflow import validate_workflow


def _template(parameters: str = "[]", outputs: str = "[]") -> TemplateSpec:
    return TemplateSpec.model_validate(
        {
            "parameters": yaml.safe_load(parameters),
            "outputs": yaml.safe_load(outputs),
            "action": {},
        }
    )


TEMPLATES = {
    "http-request": _template(
        "[{name: url, type: string, required: true}, {name: retries, type: integer, maximum: 9},"
        " {name: expectStatus, type: list}, {name: token, type: secret}]",
        "[{name: status, type: integer}, {name: body, type: string}]",
    ),
    "local/notify": _template("[{name: text, type: string}]"),
    "whole": TemplateSpec.model_validate(
        {"workflow": {"nodes": [{"name": "only", "delay": "1s"}]}}
    ),
}

FETCH = {"name": "fetch", "action": "http-request", "with": {"url": "http://x"}}
TOKEN = "{name: token, type: secret, secretKeyRef: {name: api, key: token}}"


def spec(text: str) -> WorkflowSpec:
    """The workflow of a YAML text, with a node `fetch` if it has none of its own."""
    raw: dict[str, Any] = yaml.safe_load(text)
    raw.setdefault("nodes", [])
    raw["nodes"] = [FETCH, *raw["nodes"]]
    found = parse(WorkflowSpec, raw)
    assert isinstance(found, WorkflowSpec), found
    return found


def problems(text: str) -> list[str]:
    """All that is wrong with a workflow, in words."""
    return [str(problem) for problem in validate_workflow(spec(text), TEMPLATES)]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        # names
        ("nodes: [{name: 'on', delay: 1s}]", "spec.nodes[1].name", "YAML reads it as a boolean"),
        ("nodes: [{name: fetch, delay: 1s}]", "spec.nodes[1].name", "at spec.nodes[0].name"),
        (
            "variables: [{name: a, type: string}, {name: a, type: string}]",
            "spec.variables[1].name",
            "a variable 'a' already exists",
        ),
        (
            "outputs: [{name: a, value: '1'}, {name: a, value: '2'}]",
            "spec.outputs[1].name",
            "an output 'a' already exists",
        ),
        (
            "nodes: [{name: t, transform: {y: '1'}}]",
            "spec.nodes[1].transform.y",
            "YAML reads it as a boolean",
        ),
        (
            "nodes: [{name: t, action: local/notify, with: {'true': 1}}]",
            "spec.nodes[1].with",
            "a key is the boolean true",
        ),
        (
            "nodes: [{name: t, action: local/notify, forEach: {values: '[1]', as: vars}}]",
            "spec.nodes[1].forEach.as",
            "'vars' already has a meaning",
        ),
        # kinds
        ("nodes: [{name: a}]", "spec.nodes[1]", "exactly one of action, condition"),
        (
            "nodes: [{name: a, delay: 1s, condition: 'true'}]",
            "spec.nodes[1]",
            "has condition and delay",
        ),
        (
            "nodes: [{name: a, delay: 1s, with: {x: 1}}]",
            "spec.nodes[1].with",
            "parameters belong to actions; this node is a delay",
        ),
        (
            "nodes: [{name: a, condition: 'true', retry: {limit: 1}}]",
            "spec.nodes[1].retry",
            "only actions and sub-workflows are retried",
        ),
        ("nodes: [{name: a, fail: x, delay: 1s}]", "spec.nodes[1]", "has delay and fail"),
        (
            "nodes: [{name: a, fail: x, timeout: 2s}]",
            "spec.nodes[1].timeout",
            "this node is a fail, which ends at once",
        ),
        (
            "nodes: [{name: a, fail: x, retry: {limit: 1}}]",
            "spec.nodes[1].retry",
            "only actions and sub-workflows are retried; this node is a fail",
        ),
        (
            "nodes: [{name: a, fail: '$[[ vars.servce ]]'}]\n"
            "variables: [{name: service, type: string}]",
            "spec.nodes[1].fail",
            "did you mean 'service'",
        ),
        (
            "nodes: [{name: a, fail: 'no: $[[ nodes.fetch.outputs.status ]]'}]",
            "spec.nodes[1].fail",
            "node 'fetch' is not upstream of 'a'",
        ),
        (
            "nodes: [{name: a, fail: x}, {name: b, transform: {z: nodes.a.outputs.x}}]\n"
            "edges: [{from: a, to: b, outcome: Failed}]",
            "spec.nodes[2].transform.z",
            "node 'a' has no outputs",
        ),
        (
            "nodes: [{name: a, fail: 'no: $[[ vars.token ]]'}]\nvariables: [" + TOKEN + "]",
            "spec.nodes[1].fail",
            "vars.token is a secret, which a message cannot contain",
        ),
        ("nodes: [{name: a, fail: '$[[ 1 + ]]'}]", "spec.nodes[1].fail", ""),
        (
            "nodes: [{name: a, delay: 1s, startTimeout: 2s}]",
            "spec.nodes[1].startTimeout",
            "only actions have a container to start; this node is a delay",
        ),
        (
            "nodes: [{name: a, workflow: {name: other}, startTimeout: 2s}]",
            "spec.nodes[1].startTimeout",
            "only actions have a container to start; this node is a workflow",
        ),
        (
            "nodes: [{name: a, delay: 1s, timeout: 2s}]",
            "spec.nodes[1].timeout",
            "has a fixed duration",
        ),
        ("nodes: [{name: a, wait: {}}]", "spec.nodes[1].wait", "exactly one of until and signal"),
        (
            "nodes: [{name: a, action: local/notify, forEach: {values: '[1]', as: x},"
            " repeat: {until: 'true', limit: 2}}]",
            "spec.nodes[1].repeat",
            "either forEach or repeat",
        ),
        # edges
        (
            "edges: [{from: fetch, to: fech}]",
            "spec.edges[0].to",
            "there is no node 'fech'; the nodes are fetch",
        ),
        (
            "nodes: [{name: a, delay: 1s}]\nedges: [{from: fetch, to: a},"
            " {from: fetch, to: a, outcome: Succeeded}]",
            "spec.edges[1]",
            "the same edge as spec.edges[0]",
        ),
        ("edges: [{from: fetch, to: fetch}]", "spec.edges[0]", "from 'fetch' to itself"),
        (
            "nodes: [{name: a, delay: 1s}, {name: b, delay: 1s}]\n"
            "edges: [{from: fetch, to: a}, {from: a, to: b}, {from: b, to: a}]",
            "spec.edges[2]",
            "the nodes form a cycle: a → b → a",
        ),
        (
            "nodes: [{name: a, delay: 1s}]\nedges: [{from: fetch, to: a, outcome: Else}]",
            "spec.edges[0].outcome",
            "'fetch' is not one; write Succeeded, Failed or Always",
        ),
        (
            "nodes: [{name: c, condition: 'true'}, {name: a, delay: 1s}]\n"
            "edges: [{from: c, to: a, outcome: Succeeded}]",
            "spec.edges[0].outcome",
            "write Then (true) or Else (false)",
        ),
        ("finally: [tell]", "spec.finally[0]", "there is no node 'tell'"),
        (
            "nodes: [{name: a, delay: 1s}]\nfinally: [a]\nedges: [{from: fetch, to: a}]",
            "spec.edges[0].to",
            "nodes of finally have no edges",
        ),
        # actions and parameters
        (
            "nodes: [{name: a, action: http-reqest}]",
            "spec.nodes[1].action",
            "there is no ClusterTemplate 'http-reqest'; did you mean 'http-request'?",
        ),
        ("nodes: [{name: a, action: notify}]", "spec.nodes[1].action", "write 'local/notify'"),
        (
            "nodes: [{name: a, action: local/http-request}]",
            "spec.nodes[1].action",
            "write 'http-request'",
        ),
        (
            "nodes: [{name: a, action: zzz}]",
            "spec.nodes[1].action",
            "the namespace's own Template is 'local/zzz'",
        ),
        ("nodes: [{name: a, action: whole}]", "spec.nodes[1].action", "of a whole workflow"),
        (
            "nodes: [{name: a, action: http-request, with: {url: u, retrys: 1}}]",
            "spec.nodes[1].with.retrys",
            "'http-request' has no parameter 'retrys'; did you mean 'retries'?",
        ),
        (
            "nodes: [{name: a, action: http-request}]",
            "spec.nodes[1].with",
            "requires the parameter 'url'",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: 3}}]",
            "spec.nodes[1].with.url",
            "must be a string, not an integer (3); quote it",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: yes}}]",
            "spec.nodes[1].with.url",
            "must be a string, not a boolean (true); YAML reads",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: u, retries: 10}}]",
            "spec.nodes[1].with.retries",
            "must be at most 9, not 10",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: u, retries: '$[[ 1 ]]0'}}]",
            "spec.nodes[1].with.retries",
            "an expression with text around it is a string",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: u, token: abc}}]",
            "spec.nodes[1].with.token",
            "takes only a secret variable",
        ),
        # secrets
        (
            f"variables: [{TOKEN}]\nnodes: [{{name: a, action: http-request, with:"
            " {url: 'x?$[[ vars.token ]]'}}]",
            "spec.nodes[1].with.url",
            "vars.token is a secret",
        ),
        (
            f"variables: [{TOKEN}]\nnodes: [{{name: a, action: http-request, with:"
            " {url: '$[[ vars.token ]]'}}]",
            "spec.nodes[1].with.url",
            "is not of type secret",
        ),
        (
            f"variables: [{TOKEN}]\nnodes: [{{name: a, action: http-request, with:"
            " {url: u, expectStatus: ['$[[ vars.token ]]']}}]",
            "spec.nodes[1].with.expectStatus[0]",
            "vars.token is a secret",
        ),
        (
            f"variables: [{TOKEN}]\noutputs: [{{name: a, value: vars.token}}]",
            "spec.outputs[0].value",
            "vars.token is a secret",
        ),
        # expressions
        (
            "nodes: [{name: a, condition: '1 +'}]",
            "spec.nodes[1].condition",
            "'1 +' is not an expression",
        ),
        (
            "nodes: [{name: a, action: http-request, with: {url: 'x $[[ vars.y'}}]",
            "spec.nodes[1].with.url",
            "has no ]] that closes it",
        ),
        (
            "variables: [{name: service, type: string}]\n"
            "nodes: [{name: a, condition: vars.servce == ''}]",
            "spec.nodes[1].condition",
            "there is no variable 'servce'; did you mean 'service'?",
        ),
        (
            "nodes: [{name: a, condition: nodes.fetch.outputs.status == 1}]",
            "spec.nodes[1].condition",
            "node 'fetch' is not upstream of 'a'",
        ),
        (
            "nodes: [{name: a, condition: nodes.a.phase == ''}]",
            "spec.nodes[1].condition",
            "node 'a' cannot read itself",
        ),
        (
            "nodes: [{name: a, condition: nodes.fetch.outputs.stats == 1}]\n"
            "edges: [{from: fetch, to: a}]",
            "spec.nodes[1].condition",
            "node 'fetch' has no output 'stats'; did you mean 'status'?",
        ),
        (
            "nodes: [{name: a, condition: nodes.fetch.output.status == 1}]\n"
            "edges: [{from: fetch, to: a}]",
            "spec.nodes[1].condition",
            "nodes.fetch has no key 'output'; did you mean 'outputs'?",
        ),
        (
            "nodes: [{name: a, condition: \"nodes[vars.x].phase == ''\"}]",
            "spec.nodes[1].condition",
            "name the node",
        ),
        (
            "nodes: [{name: c, condition: 'true'}]\n"
            "outputs: [{name: o, value: nodes.c.outputs.reslt}]",
            "spec.outputs[0].value",
            "node 'c' has no output 'reslt'; did you mean 'result'?",
        ),
        (
            "nodes: [{name: d, delay: 1s}]\noutputs: [{name: o, value: nodes.d.outputs.x}]",
            "spec.outputs[0].value",
            "node 'd' has no outputs",
        ),
        (
            "nodes: [{name: a, delay: 1s}, {name: b, delay: 1s}]\nedges:"
            " [{from: fetch, to: b, when: nodes.a.phase == ''}, {from: a, to: b}]",
            "spec.edges[0].when",
            "node 'a' is neither the edge's source nor upstream of it",
        ),
        (
            "outputs: [{name: o, value: execution.phase}]",
            "spec.outputs[0].value",
            "execution.phase is known in nodes of finally only",
        ),
        ("outputs: [{name: o, value: now}]", "spec.outputs[0].value", "in wait.until only"),
        (
            "outputs: [{name: o, value: params.x}]",
            "spec.outputs[0].value",
            "params is known in Templates only",
        ),
        (
            "nodes: [{name: a, when: index > 1, action: local/notify}]",
            "spec.nodes[1].when",
            "a node with forEach only",
        ),
        (
            "outputs: [{name: o, value: var.x}]",
            "spec.outputs[0].value",
            "there is no 'var'; did you mean 'vars'?",
        ),
        (
            "concurrency: {limit: 1, key: nodes.fetch.phase}",
            "spec.concurrency.key",
            "no node has started",
        ),
        # times
        ("nodes: [{name: a, delay: 0s}]", "spec.nodes[1].delay", "'0s' must be longer than zero"),
        (
            "defaults: {startTimeout: 0s}",
            "spec.defaults.startTimeout",
            "'0s' must be longer than zero",
        ),
        ("timeout: 9000h", "spec.timeout", "'9000h' is longer than a year"),
        (
            "defaults: {timeout: 1500ms}",
            "spec.defaults.timeout",
            "the timeout of an action must be in whole seconds",
        ),
        (
            "defaults: {retry: {limit: 1, backoff: {initial: 1m, max: 1s}}}",
            "spec.defaults.retry.backoff.initial",
            "1m is longer than max, 1s",
        ),
        # variables
        (
            "variables: [{name: a, type: string, default: 3}]",
            "spec.variables[0].default",
            "must be a string, not an integer (3)",
        ),
        (
            "variables: [{name: a, type: integer, default: true}]",
            "spec.variables[0].default",
            "must be an integer, not a boolean",
        ),
        (
            "variables: [{name: a, type: string, enum: [x, y], default: z}]",
            "spec.variables[0].default",
            'must be one of ["x","y"], not "z"',
        ),
        (
            "variables: [{name: a, type: string, enum: [1]}]",
            "spec.variables[0].enum[0]",
            "must be a string, not an integer",
        ),
        (
            "variables: [{name: a, type: string, pattern: '['}]",
            "spec.variables[0].pattern",
            "is not an RE2 pattern",
        ),
        (
            "variables: [{name: a, type: integer, minimum: 3, maximum: 1}]",
            "spec.variables[0].minimum",
            "3 is above maximum, 1",
        ),
        (
            "variables: [{name: a, type: string, minimum: 3}]",
            "spec.variables[0].minimum",
            "is for integers and numbers; this is of type string",
        ),
        (
            "variables: [{name: a, type: secret}]",
            "spec.variables[0]",
            "a secret needs secretKeyRef",
        ),
        (
            "variables: [{name: a, type: string, secretKeyRef: {name: a, key: b}}]",
            "spec.variables[0].secretKeyRef",
            "only a variable of type secret",
        ),
        # pods
        (
            "pod: {labels: {automation.itechsmart.dev/x: y}}",
            "spec.pod.labels['automation.itechsmart.dev/x']",
            "is reserved",
        ),
        (
            "pod: {annotations: {batch.kubernetes.io/x: y}}",
            "spec.pod.annotations['batch.kubernetes.io/x']",
            "use a prefix of your own, such as example.com/x",
        ),
        ("pod: {labels: {a: 'b c'}}", "spec.pod.labels.a", "'b c' is not a label value"),
        ("pod: {nodeSelector: {'a b': c}}", "spec.pod.nodeSelector['a b']", "is not a valid key"),
    ],
)
def test_a_wrong_workflow_says_where_and_what(text: str, path: str, words: str) -> None:
    found = problems(text)
    assert any(p.startswith(f"{path}: ") and words in p for p in found), found


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "nodes: [{name: a, condition: nodes.fetch.outputs.status != 200}]\n"
        "edges: [{from: fetch, to: a, when: nodes.fetch.outputs.body | length > 0}]",
        f"variables: [{TOKEN}]\nnodes: [{{name: a, action: http-request,"
        " with: {url: 'x/$$[[ y ]]', token: '$[[vars.token]]', retries: null}}]",
        "nodes: [{name: t, transform: {count: event.items | length}}]\n"
        "outputs: [{name: o, value: nodes.t.outputs.count + 1}]",
        "nodes: [{name: t, action: local/notify, forEach: {values: '[1]', as: item},"
        " with: {text: '$[[ item ]] of $[[ index ]]'}}]",
        "nodes: [{name: t, action: local/notify, with: {text: '$[[ execution.phase ]]'}}]\n"
        "finally: [t]",
        "nodes: [{name: w, wait: {until: now > execution.startedAt}}]",
        "nodes: [{name: r, action: http-request, with: {url: u},"
        " repeat: {until: nodes.r.outputs.status == 200, limit: 3}}]",
        "pod: {nodeSelector: {kubernetes.io/arch: amd64}, labels: {example.com/team: sre}}",
    ],
)
def test_a_right_workflow_has_no_problems(text: str) -> None:
    assert problems(text) == []


def test_every_node_behind_a_cycle_is_still_examined() -> None:
    found = problems(
        "nodes: [{name: a, delay: 1s}, {name: b, condition: nodes.fetch.phase == vars.x}]\n"
        "edges: [{from: a, to: b}, {from: b, to: a}]"
    )
    assert len(found) == 2
    assert found[1].endswith("there is no variable 'x'; none is declared")


def test_only_the_first_problems_are_listed() -> None:
    nodes = ", ".join(f"{{name: n{i}}}" for i in range(2 * MAX_PROBLEMS))
    assert len(problems(f"nodes: [{nodes}]")) == MAX_PROBLEMS


def test_a_workflow_has_a_bounded_number_of_expressions() -> None:
    text = "$[[ 1 ]]" * 100
    nodes = ", ".join(
        f"{{name: n{i}, action: local/notify, with: {{text: '{text}'}}}}" for i in range(101)
    )
    assert problems(f"nodes: [{nodes}]") == ["spec: has more than 10,000 expressions; split it"]


def test_each_rule_stands_once_and_says_what_it_asks() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES)
    assert all(rule.__doc__ for rule in RULES)


def test_the_greatest_workflow_is_validated() -> None:
    nodes = [
        {"name": f"n{i}", "condition": f"nodes.n{i // 2}.phase == 'Failed'" if i else "true"}
        for i in range(2000)
    ]
    edges = [{"from": f"n{i}", "to": f"n{i + step}"} for i in range(1998) for step in (1, 2)] + [
        {"from": "n1998", "to": "n1999"}
    ]
    found = parse(WorkflowSpec, {"nodes": nodes, "edges": edges})
    assert isinstance(found, WorkflowSpec)
    assert validate_workflow(found, {}) == []


def test_a_value_never_becomes_part_of_a_script() -> None:
    spec = WorkflowSpec.model_validate(
        {
            "variables": [{"name": "host", "type": "string"}],
            "nodes": [
                {
                    "name": "a",
                    "action": "run-script",
                    "with": {"script": "ping $[[ vars.host ]]"},
                }
            ],
        }
    )
    script = TemplateSpec.model_validate(
        {"parameters": [{"name": "script", "type": "string"}], "action": {"args": ["x"]}}
    )
    problems = [str(problem) for problem in validate_workflow(spec, {"run-script": script})]
    assert len(problems) == 1
    assert problems[0].startswith("spec.nodes[0].with.script: a script must not contain $[[ ]]")
