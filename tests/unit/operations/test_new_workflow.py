"""A Workflow made of a Template: parameters are replaced, and no value becomes code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.operations.errors import CommandError
from orchestrator.operations.new_workflow import new_workflow
from orchestrator.validation.parse import parse


def template(parameters: list[dict[str, Any]], **node: Any) -> dict[str, Any]:
    """A Template whose workflow has the title `Of <first parameter>` and one node."""
    title = f"Of $[[ params.{parameters[0]['name']} ]]"
    nodes = [{"name": "only", **node}]
    return {"parameters": parameters, "workflow": {"title": title, "nodes": nodes}}


STRING = [{"name": "service", "type": "string", "required": True, "pattern": "[a-z]+"}]
ANY = [{"name": "value", "type": "object"}, {"name": "word", "type": "string"}]


def made(raw: dict[str, Any], **values: Any) -> dict[str, Any]:
    result = new_workflow("new", raw, values)
    assert isinstance(parse(WorkflowSpec, result["spec"]), WorkflowSpec)
    spec: dict[str, Any] = result["spec"]
    return spec


def refused(raw: dict[str, Any], name: str = "new", **values: Any) -> str:
    with pytest.raises(CommandError) as error:
        new_workflow(name, raw, values)
    return str(error.value)


def test_parameters_are_replaced_and_other_expressions_stay() -> None:
    raw = template(STRING, fail="$[[ params.service ]] of $[[ execution.name ]], $$[[ literally ]]")
    result = new_workflow("web", raw, {"service": "shop"})
    assert result == {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "web"},
        "spec": {
            "title": "Of shop",
            "nodes": [{"name": "only", "fail": "shop of $[[ execution.name ]], $$[[ literally ]]"}],
        },
    }


def test_what_reads_no_parameter_is_left_as_it_is_written() -> None:
    written = {"condition": "1 == 1", "title": "$[[   vars.x ]]$$[[ y"}
    assert made(template(STRING, **written), service="a")["nodes"] == [{"name": "only", **written}]


def test_values_keep_their_type_and_defaults_are_applied() -> None:
    parameters: list[dict[str, Any]] = [
        {"name": "list", "type": "list"},
        {"name": "times", "type": "integer", "default": 3},
        {"name": "maybe", "type": "string"},
    ]
    given = {
        "list": "$[[ params.list ]]",
        "times": "$[[ params.times ]]",
        "maybe": "$[[ params.maybe | default('none') ]]",
    }
    spec = made(template(parameters, action="echo", **{"with": given}), list=["a", {"b": None}])
    assert spec["nodes"][0]["with"] == {"list": ["a", {"b": None}], "times": 3, "maybe": "none"}


def test_the_template_is_not_changed() -> None:
    raw = template(STRING, fail="$[[ params.service ]]")
    before = repr(raw)
    made(raw, service="a")
    assert repr(raw) == before


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "params.service: is required"),
        ({"service": "A"}, "params.service: must match '[a-z]+'"),
        ({"service": 3}, "params.service: must be a string"),
        ({"service": "a", "servic": "b"}, "params.servic: there is no parameter 'servic'"),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], problem: str) -> None:
    assert problem in refused(template(STRING, delay="1s"), **values)


def test_what_no_workflow_can_be_made_of_says_so() -> None:
    assert "spec: is an action" in refused({"action": {"command": ["x"]}})
    good = template(STRING, delay="1s")
    assert "metadata.name: " in refused(good, name="No.Name", service="a")
    unknown = template(STRING, fail="$[[ params.servic ]]")
    assert "spec.workflow.nodes[0].fail: there is no parameter" in refused(unknown, service="a")
    absent = template([{"name": "a", "type": "string"}], delay="1s")
    assert "spec.workflow.title: " in refused(absent)


@given(st.text(st.sampled_from("$[]x' "), max_size=8), st.text(st.sampled_from("$[] "), max_size=4))
def test_no_value_becomes_an_expression(word: str, around: str) -> None:
    """Whatever a value holds, the Workflow finds in its text what the author wrote, and no more."""
    source = f"{around}$[[ params.word ]]{around}$[[ vars.x ]]"
    try:
        literal = compile_text(source).render({"params": {"word": word}, "vars": {"x": "X"}})
        assert len(compile_text(source).expressions) == 2
    except (ExpressionError, AssertionError):
        return  # no such Template
    raw = {
        "parameters": ANY,
        "workflow": {
            "variables": [{"name": "x", "type": "string"}],
            "nodes": [{"name": "only", "fail": source}],
        },
    }
    result, said = _made_or_refused(raw, word)
    if result is None:
        assert "a $ cannot stand right before" in said
        return
    text = compile_text(result["spec"]["nodes"][0]["fail"])
    assert len(text.expressions) == 1
    assert text.render({"vars": {"x": "X"}}) == literal


def _made_or_refused(raw: dict[str, Any], word: str) -> tuple[dict[str, Any] | None, str]:
    try:
        return new_workflow("new", raw, {"word": word}), ""
    except CommandError as error:
        return None, str(error)


def test_expressions_inside_a_value_stay_text() -> None:
    value = {"a": ["$[[ vars.token ]]"]}
    raw = template([{"name": "value", "type": "object"}], action="echo")
    raw["workflow"]["nodes"][0]["with"] = {"value": "$[[ params.value ]]"}
    written = made(raw, value=value)["nodes"][0]["with"]["value"]
    assert compile_text(written["a"][0]).render({}) == "$[[ vars.token ]]"
