"""Whatever is written as a manifest, the outcome is a list of problems."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.variables import resolve_variables
from orchestrator.validation.workflow import validate_workflow
from tests.builders import template

names = st.sampled_from(["a", "b", "c", "on", "task"])
texts = st.sampled_from(
    ["x", "", "$[[ vars.a ]]", "$[[", "$[[ nodes.a.outputs.value ]]", "$[[ vars.s ]]", "$$[[ x"]
)
sources = st.sampled_from(
    ["true", "nodes.a.phase == 'x'", "vars.a", "vars.s", "nodes", "1 +", "execution.phase", "now"]
)
durations = st.sampled_from(["1s", "0s", "1.5s", "99999h", "500ms"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
kinds = {
    "action": st.sampled_from(["task", "local/task", "tsk"]),
    "condition": sources,
    "delay": durations,
    "fail": texts,
    "transform": st.dictionaries(names, sources, max_size=2),
    "with": st.dictionaries(st.sampled_from(["text", "count", "password", "zzz"]), values),
    "when": sources,
    "timeout": durations,
    "retry": st.fixed_dictionaries({"limit": st.integers(0, 3)}),
    "forEach": st.fixed_dictionaries({"values": sources, "as": names}),
    "wait": st.fixed_dictionaries({}, optional={"until": sources, "signal": names}),
    "join": st.sampled_from(["All", "Any"]),
}
nodes = st.fixed_dictionaries({"name": names}, optional=kinds)
edges = st.fixed_dictionaries(
    {"from": names, "to": names},
    optional={
        "outcome": st.sampled_from(["Succeeded", "Failed", "Always", "Then", "Else"]),
        "when": sources,
    },
)
types = st.sampled_from(["string", "integer", "number", "boolean", "list", "object", "secret"])
declarations = st.fixed_dictionaries(
    {"name": names | st.just("s"), "type": types},
    optional={
        "default": values,
        "required": st.booleans(),
        "enum": st.lists(values, max_size=2),
        "pattern": st.sampled_from(["[a-z]+", "["]),
        "minimum": st.integers(-2, 2),
        "maxLength": st.integers(0, 2),
        "secretKeyRef": st.just({"name": "a", "key": "b"}),
    },
)
workflows = st.fixed_dictionaries(
    {"nodes": st.lists(nodes, min_size=1, max_size=5)},
    optional={
        "edges": st.lists(edges, max_size=8),
        "variables": st.lists(declarations, max_size=3),
        "finally": st.lists(names, max_size=2),
        "outputs": st.lists(st.fixed_dictionaries({"name": names, "value": sources}), max_size=2),
        "pod": st.fixed_dictionaries({"labels": st.dictionaries(st.text(), st.text())}),
    },
)


def _in_words(problems: list[Problem]) -> None:
    for problem in problems:
        assert problem.path.startswith(("spec", "with"))
        assert problem.message


@given(workflows, st.dictionaries(names, values))
def test_any_workflow_is_valid_or_its_problems_have_words(
    raw: dict[str, Any], given: dict[str, Any]
) -> None:
    found = parse(WorkflowSpec, raw)
    if isinstance(found, list):
        _in_words(found)
        return
    _in_words(validate_workflow(found, {"task": template()}))

    _in_words(resolve_variables(found, given)[1])


@given(st.lists(declarations, max_size=3), st.lists(texts, max_size=3), st.text())
def test_any_template_is_valid_or_its_problems_have_words(
    parameters: list[dict[str, Any]], args: list[str], mount: str
) -> None:
    raw = {
        "parameters": [{k: v for k, v in p.items() if k != "secretKeyRef"} for p in parameters],
        "action": {
            "args": args,
            "volumes": [{"name": "v", "mountPath": f"/{mount}", "emptyDir": {}}],
        },
    }
    found = parse(TemplateSpec, raw)
    _in_words(found if isinstance(found, list) else validate_template(found))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text() | st.booleans() | st.sampled_from(["nodes", "edges"]), inner
            )
        ),
    )
)
def test_anything_at_all_is_refused_in_words(raw: Any) -> None:
    for model in (WorkflowSpec, TemplateSpec):
        found = parse(model, raw)
        _in_words(found if isinstance(found, list) else [])
