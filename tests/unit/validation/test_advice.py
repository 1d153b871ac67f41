"""Manifests that are valid and probably not meant: the warning names the field and the fix."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.advice import (
    MAX_WARNINGS,
    advise_template,
    advise_trigger,
    advise_workflow,
)
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.trigger import validate_trigger
from orchestrator.validation.workflow import validate_workflow

TEMPLATES = {
    name: TemplateSpec.model_validate(
        {
            "parameters": [
                {"name": "text", "type": "string"},
                {"name": "script", "type": "string"},
            ],
            "outputs": [{"name": "status", "type": "integer"}],
            "action": {},
        }
    )
    for name in ("message", "run-script")
}
VARIABLES = [
    {"name": "service", "type": "string"},
    {"name": "hosts", "type": "list"},
    {"name": "options", "type": "object"},
]


def advised(text: str) -> list[Problem]:
    """The warnings about a workflow, which is valid."""
    raw: dict[str, Any] = {"variables": VARIABLES, **yaml.safe_load(text)}
    raw.setdefault("nodes", [{"name": "start", "delay": "1s"}])
    spec = WorkflowSpec.model_validate(raw)
    assert validate_workflow(spec, TEMPLATES) == []
    return advise_workflow(spec, TEMPLATES)


def message(text: str) -> str:
    """A workflow with one message of this text."""
    node = {"name": "tell", "action": "message", "with": {"text": text}}
    return yaml.safe_dump({"nodes": [node]})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("vars.service", "vars.service"),
        (" vars.service | upper ", "vars.service | upper"),
        ("execution.name", "execution.name"),
        ("{{ vars.service }} is down", "vars.service"),
        ("{{inputs.parameters.service}} is down", "vars.service"),
        ("${{ inputs.service }}", "vars.service"),
        ("$(params.service)", "vars.service"),
        ("${vars.service}", "vars.service"),
        ("[[ vars.service ]]", "vars.service"),
        ("{{ workflow.name }}", "workflow.name"),
    ],
)
def test_a_text_that_reads_as_an_expression_is_doubted(text: str, written: str) -> None:
    (warning,) = advised(message(text))
    assert warning.path == "spec.nodes[0].with.text"
    assert warning.message.endswith(f" is plain text; for its value write `$[[ {written} ]]`")


@pytest.mark.parametrize(
    "text",
    ["{{ inputs.parameters.other }}", "${{ github.sha }}", "$(tasks.other.results.digest)"],
)
def test_a_text_of_another_system_is_doubted(text: str) -> None:
    (warning,) = advised(message(text))
    assert warning.message == f"{text!r} is plain text; an expression is written `$[[ … ]]`"


@pytest.mark.parametrize(
    "text",
    [
        "see vars.yml",
        "vars.other",
        "$[[ vars.service ]]",
        "$$[[ vars.service ]]",
        "{{ .State.Running }}",
        "$(date) ${HOME} $(whoami)",
        "{{ date }}",
        "https://example.com/a.b",
        "[[ -f x ]]",
        "execution.nothing",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert advised(message(text)) == []


def test_a_script_reads_values_from_its_environment() -> None:
    (warning,) = advised(
        "nodes: [{name: a, action: run-script, with: {script: 'ping {{ vars.service }}'}}]"
    )
    assert warning.path == "spec.nodes[0].with.script"
    assert "pass the value in env, and read it as $NAME" in warning.message


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (
            "nodes: [{name: a, condition: \"'{{ inputs.parameters.service }}' == 'web'\"}]",
            "spec.nodes[0].condition",
            "is a string and is never evaluated; write `vars.service == 'web'`",
        ),
        (
            "outputs: [{name: o, value: \"'$[[ vars.service ]]'\"}]",
            "spec.outputs[0].value",
            "is a string and is never evaluated; write `vars.service`",
        ),
        (
            "nodes: [{name: a, condition: vars.hosts.length > 0}]",
            "spec.nodes[0].condition",
            "vars.hosts is of type list and has no key 'length'; for its length write"
            " `vars.hosts | length`",
        ),
        (
            "nodes: [{name: a, workflow: {name: other, variables: {a: vars.service}}}]",
            "spec.nodes[0].workflow.variables.a",
            "write `$[[ vars.service ]]`",
        ),
        (
            "nodes: [{name: a, fail: '{{ vars.service }} failed'}]",
            "spec.nodes[0].fail",
            "write `$[[ vars.service ]]`",
        ),
    ],
)
def test_a_doubtful_expression_is_named(text: str, path: str, words: str) -> None:
    (warning,) = advised(text)
    assert warning.path == path
    assert words in warning.message


def test_the_keys_of_an_object_are_not_doubted() -> None:
    assert advised("nodes: [{name: a, condition: vars.options.length > 0}]") == []


HANDLED = (
    "nodes: [{name: a, delay: 1s}, {name: b, delay: 1s}, {name: page, delay: 1s},"
    " {name: report, delay: 1s%s}]\n"
    "edges: [{from: a, to: b%s}, {from: a, to: page, outcome: Failed}, {from: b, to: report},"
    " {from: page, to: report%s}]"
)


def test_where_a_handled_failure_would_block_any_is_proposed() -> None:
    (warning,) = advised(HANDLED % ("", "", ""))
    assert str(warning) == (
        "spec.nodes[3].join: after a failure that 'page' handles, the edge from 'b' blocks this"
        " node; to start it on either path, write `join: Any`"
    )


@pytest.mark.parametrize(
    "fields",
    [(", join: Any", "", ""), (", join: First", "", ""), ("", ", outcome: Always", "")],
)
def test_no_join_is_proposed_where_nothing_blocks(fields: tuple[str, str, str]) -> None:
    assert advised(HANDLED % fields) == []


def test_a_chain_with_one_rollback_needs_no_other_join() -> None:
    assert (
        advised(
            "nodes: [{name: a, delay: 1s}, {name: b, delay: 1s}, {name: back, delay: 1s}]\n"
            "edges: [{from: a, to: b}, {from: a, to: back, outcome: Failed},"
            " {from: b, to: back, outcome: Failed}]"
        )
        == []
    )


def test_warnings_are_few() -> None:
    nodes = ", ".join(
        f"{{name: n{i}, action: message, with: {{text: vars.service}}}}" for i in range(50)
    )
    assert len(advised(f"nodes: [{nodes}]")) == MAX_WARNINGS


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("*/90 * * * *", "so it means 0; every 90 minutes needs two Triggers: '0 */3 * * *' and"),
        ("*/120 * * * *", "write '0 */2 * * *'"),
        ("*/45 * * * *", "restarts each hour, at 0, 45"),
        ("0 */36 * * *", "is beyond its 24 values"),
        ("0 3 1 * 1", "the day of month 1 or the day of week 1"),
    ],
)
def test_a_schedule_that_does_other_than_it_seems_is_doubted(cron: str, words: str) -> None:
    spec = REGISTRY.spec.model_validate({"workflow": "w", "schedule": {"cron": cron}})
    assert validate_trigger(spec, REGISTRY.types) == []
    (warning,) = advise_trigger(spec, REGISTRY.types)
    assert warning.path == "spec.schedule.cron"
    assert words in warning.message


@pytest.mark.parametrize("cron", ["*/15 * * * *", "0 */6 * * *", "30 3 * * 1-5", "0 0 1 * *"])
def test_a_regular_schedule_is_not_doubted(cron: str) -> None:
    spec = REGISTRY.spec.model_validate({"workflow": "w", "schedule": {"cron": cron}})
    assert advise_trigger(spec, REGISTRY.types) == []


def test_alerts_without_filter_and_payload_are_doubted() -> None:
    alert = {"bearer": {"secrets": [{"name": "alerts", "key": "token"}]}}
    spec = REGISTRY.spec.model_validate({"workflow": "w", "alert": alert})
    (warning,) = advise_trigger(spec, REGISTRY.types)
    assert warning.path == "spec.alert"
    assert "one of more than 64 KiB fails; write spec.filter" in warning.message
    for field in ({"filter": "event.status == 'firing'"}, {"payload": "{'a': event.status}"}):
        narrowed = REGISTRY.spec.model_validate({"workflow": "w", "alert": alert, **field})
        assert advise_trigger(narrowed, REGISTRY.types) == []


def test_the_texts_of_a_trigger_are_read_too() -> None:
    spec = REGISTRY.spec.model_validate(
        {
            "workflow": "w",
            "execution": {},
            "variables": {"a": "event.name", "b": {"c": "{{ event.phase }}"}, "d": "vars.x"},
            "filter": "'{{ event.phase }}' == 'Failed'",
        }
    )
    assert [warning.path for warning in advise_trigger(spec, REGISTRY.types)] == [
        "spec.variables.a",
        "spec.variables.b.c",
        "spec.filter",
    ]


def test_a_template_reads_its_parameters_as_params() -> None:
    spec = TemplateSpec.model_validate(
        {
            "parameters": [{"name": "image", "type": "string"}],
            "action": {"args": ["{{ inputs.parameters.image }}", "$(params.image)", "--verbose"]},
        }
    )
    assert validate_template(spec) == []
    first, second = advise_template(spec)
    assert (first.path, second.path) == ("spec.action.args[0]", "spec.action.args[1]")
    assert first.message.endswith("for its value write `$[[ params.image ]]`")


def test_a_script_of_a_template_is_never_rendered() -> None:
    spec = TemplateSpec.model_validate(
        {
            "parameters": [{"name": "image", "type": "string"}],
            "action": {"script": {"source": "echo $[[ params.image ]]"}},
        }
    )
    (warning,) = advise_template(spec)
    assert warning.path == "spec.action.script.source"
    assert "read $PARAM_NAME" in warning.message


@pytest.mark.parametrize(
    "text", ["{{a.b" * 1_000, "{{ inputs.x }}" * 500, "vars.nmae", "$(a.b" * 999]
)
def test_the_texts_of_a_hostile_workflow_are_read_in_bounded_time(text: str) -> None:
    nodes = [{"name": f"a{i}", "action": "x", "with": {"text": text}} for i in range(1_000)]
    variables = [{"name": f"name{i}{'x' * 50}", "type": "string"} for i in range(100)]
    spec = WorkflowSpec.model_validate({"nodes": nodes, "variables": variables})
    start = time.process_time()
    advise_workflow(spec, {})
    assert time.process_time() - start < 5
