"""The tables of what newcomers type: they name what exists, and propose what can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from orchestrator.models.base import DURATION_PATTERN, parse_duration
from orchestrator.models.execution import ExecutionSpec
from orchestrator.models.incident import IncidentSpec
from orchestrator.models.messages import one_of
from orchestrator.models.synonyms import SYNONYMS
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.suggestions import fields, shapes
from orchestrator.validation.suggestions.field_types import DURATIONS, EXAMPLES, EXPRESSIONS
from orchestrator.validation.suggestions.paths import translate
from orchestrator.validation.suggestions.proposals import duration, flow, quantity
from orchestrator.validation.suggestions.table import FIELDS

SPECS: tuple[type[BaseModel], ...] = (
    WorkflowSpec,
    REGISTRY.spec,
    TemplateSpec,
    ExecutionSpec,
    IncidentSpec,
)


def _types(annotation: Any) -> Iterator[Any]:
    inside = get_args(annotation)
    yield from ([annotation] if not inside else [])
    for part in inside:
        yield from _types(part)


def _models() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    waiting = list(SPECS)
    while waiting:
        model = waiting.pop()
        if model.__name__ in found:
            continue
        found[model.__name__] = model
        for field in model.model_fields.values():
            waiting += [
                kind
                for kind in _types(field.annotation)
                if isinstance(kind, type) and issubclass(kind, BaseModel)
            ]
    return found


MODELS = _models()


def _names(model: str) -> dict[str, Any]:
    return {field.alias or name: field for name, field in MODELS[model].model_fields.items()}


def test_every_table_is_of_a_model_and_of_fields_that_it_lacks() -> None:
    assert set(FIELDS) <= set(MODELS)
    for model, table in FIELDS.items():
        assert not _names(model).keys() & table.keys(), model
        assert all(re.fullmatch("[a-z]+", field) for field in table), model


def test_the_shapes_are_of_fields_that_exist() -> None:
    for model, field in [*EXAMPLES, *shapes._SHAPES, *EXPRESSIONS]:
        assert field.removesuffix("[]") in _names(model), (model, field)


def test_every_duration_of_the_models_is_known_as_one() -> None:
    durations = {
        (model, name)
        for model in MODELS
        for name, schema in MODELS[model].model_json_schema()["properties"].items()
        if DURATION_PATTERN in [one.get("pattern") for one in (schema, *schema.get("anyOf", ()))]
    }
    assert durations == DURATIONS


def test_every_word_stands_for_a_value_of_its_enumeration() -> None:
    enums = {
        kind.__name__: [member.value for member in kind]
        for model in MODELS.values()
        for field in model.model_fields.values()
        for kind in _types(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Enum)
    }
    for name, synonyms in SYNONYMS.items():
        values = tuple(enums[name])
        assert set(synonyms.values()) <= set(values), name
        for synonym, value in synonyms.items():
            message = one_of(values, name).of(synonym.title())
            assert message.endswith(f"; did you mean '{value}'?"), synonym


@pytest.mark.parametrize("model", FIELDS)
@pytest.mark.parametrize("value", ["build", 3, True, None, ["a", "b"], {"a": "b"}, {"name": "x-y"}])
def test_every_proposed_line_is_yaml(model: str, value: Any) -> None:
    for field in FIELDS[model]:
        hint = fields.hint_for(model, field, value, {"name": "test", field: value})
        assert hint
        for line in re.findall("`([^`]+)`", hint):
            if ": " in line:
                assert isinstance(yaml.safe_load(f"{{{line}}}"), dict), hint


def test_a_hint_is_bounded_whatever_is_written() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    wide = {f"key{number}": "x" * 100 for number in range(10_000)}
    for value in (deep, wide, [wide] * 100, "a && " * 100_000, "{{" * 100_000, 10**400):
        for model, table in FIELDS.items():
            for field in table:
                owner = {"name": value, field: value}
                assert len(fields.hint_for(model, field, value, owner)) < 1_000
        for model, field in [*DURATIONS, *shapes._SHAPES, *EXPRESSIONS]:
            assert len(shapes.hint_for(model, field, value)) < 1_000


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (30, "30s"),
        (1.5, "1.5s"),
        ("90", "90s"),
        ("5 min", "5m"),
        ("1 hour 30 minutes", "1h30m"),
        ("2 days", "48h"),
        ("1w", "168h"),
        ("PT1H30M", "1h30m"),
        ("30S", "30s"),
        (" 500 ms ", "500ms"),
        ("5 fortnights", None),
        ("soon", None),
        ("", None),
        (True, None),
        (-1, None),
        (0, None),
    ],
)
def test_the_duration_that_was_meant(given: Any, meant: str | None) -> None:
    assert duration(given) == meant
    assert meant is None or parse_duration(meant) > 0


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("10GB", "10G"),
        ("1 GiB", "1Gi"),
        ("500mb", "500M"),
        ("5KB", "5k"),
        ("10", "10"),
        ("x", None),
    ],
)
def test_the_quantity_that_was_meant(given: str, meant: str | None) -> None:
    assert quantity(given) == meant


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("steps.build-image.outputs.digest", "nodes.build_image.outputs.digest"),
        ("needs.test.result == 'success'", "nodes.test.phase == 'success'"),
        ("inputs.parameters.image", "vars.image"),
        ("context.pipelineRun.name", "execution.name"),
        ("vars.inputs.x", "vars.inputs.x"),
        ("'steps.a.outputs.b'", "'steps.a.outputs.b'"),
    ],
)
def test_references_of_others_are_translated(text: str, translated: str) -> None:
    assert translate(text) == translated


@pytest.mark.parametrize("value", ["yes", "'", '"', "a: b", "30", "1h30m", "x # y", "", None, 1.5])
def test_a_value_in_one_line_reads_as_it_was(value: Any) -> None:
    assert yaml.safe_load(f"{{key: {flow(value)}}}") == {"key": value}
