"""A node's record goes through its status and back, and has the fields of the CRD's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from orchestrator.engine.status.record_codec import (
    FieldError,
    record_from_status,
    record_to_patch,
    record_to_status,
)
from orchestrator.engine.status.records import Record
from orchestrator.models.base import Timestamp
from orchestrator.models.execution import NodePhase, NodeRecord

NOW = 1_800_000_000.25
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
times = st.none() | st.integers(0, 4 * 10**12).map(lambda milliseconds: milliseconds / 1000)
VALUES: Mapping[object, st.SearchStrategy[Any]] = {
    NodePhase: st.sampled_from(list(NodePhase)),
    str: texts,
    int: st.integers(0, 10**6),
    int | None: st.none() | st.integers(-1, 255),
    float | None: times,
    Mapping[str, Any]: st.dictionaries(texts, st.integers(-(2**53), 2**53) | texts, max_size=3),
}
TYPES = get_type_hints(Record)
names = st.just("") | st.from_regex(r"[a-z]{1,9}", fullmatch=True)
records = st.builds(
    Record, **{name: VALUES[kind] for name, kind in TYPES.items()} | {"execution": names}
)


@given(records)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert record_from_status(orjson.loads(orjson.dumps(record_to_status(record)))) == record


@given(records)
def test_what_is_written_is_valid_by_the_schema(record: Record) -> None:
    read = NodeRecord.model_validate(record_to_status(record), strict=False)
    assert read.model_dump(mode="json", by_alias=True, exclude_none=True) == record_to_status(
        record
    )


@given(records, records)
def test_a_patch_makes_any_record_into_the_other(old: Record, new: Record) -> None:
    merged = {**record_to_status(old), **record_to_patch(new)}
    assert {key: value for key, value in merged.items() if value is not None} == (
        record_to_status(new)
    )


def test_the_schema_and_the_record_have_the_same_fields() -> None:
    assert set(NodeRecord.model_fields) == {field.name for field in fields(Record)}


@pytest.mark.parametrize("name", NodeRecord.model_fields)
def test_a_field_has_the_type_that_the_schema_gives_it(name: str) -> None:
    assert TYPES[name] in _types(NodeRecord.model_fields[name])


def _types(field: FieldInfo) -> tuple[object, ...]:
    """The types that a record may have for a field of the schema: an absent text is empty, an
    absent number is 0 or None."""
    assert field.annotation is not None
    kind = next(iter(get_args(field.annotation)), field.annotation)
    if kind == Timestamp:
        return (float | None,)
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    named: dict[object, tuple[object, ...]] = {
        int: (int, int | None),
        dict[str, Any]: (Mapping[str, Any],),
    }
    return named.get(kind, (kind,))


def test_every_default_is_empty_so_that_it_can_be_left_out() -> None:
    empty = Record(NodePhase.PENDING)
    assert not any(getattr(empty, name) for name in TYPES if name != "phase")
    assert record_to_status(empty) == {"phase": "Pending"}


def test_an_exit_code_of_0_and_no_items_are_written() -> None:
    raw = record_to_status(Record(NodePhase.SUCCEEDED, exit_code=0, items=0))
    assert (raw["exitCode"], raw["items"]) == (0, 0)


@pytest.mark.parametrize(
    ("key", "value"), [("phase", "Done"), ("startedAt", "yesterday"), ("retryAt", 5)]
)
def test_what_a_field_cannot_have_is_refused_by_its_key(key: str, value: object) -> None:
    with pytest.raises(FieldError) as error:
        record_from_status({"phase": "Running", key: value})
    assert (error.value.key, error.value.value) == (key, value)


def test_what_another_version_wrote_beside_it_is_left_alone() -> None:
    assert record_from_status({"phase": "Running", "other": 1}) == Record(NodePhase.RUNNING)


def test_a_null_is_an_absent_field() -> None:
    nulls = {"phase": "Running", "job": None, "startedAt": None, "outputs": None, "attempts": None}
    assert record_from_status(nulls) == Record(NodePhase.RUNNING)
