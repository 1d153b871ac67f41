"""What an approval asks to be filled in, read from its schema."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operations.inputs import fields_of, missing, nearest


def test_fields_say_what_their_schema_asks_and_the_required_ones_come_first() -> None:
    fields = fields_of(
        {
            "required": ["why", "size"],
            "properties": {
                "note": {"type": ["string", "null"], "title": "Note"},
                "size": {"enum": ["small", "large"], "description": "how\nlarge"},
                "count": {"type": "integer", "minimum": 1, "maximum": 3},
            },
        }
    )
    assert [field.words for field in fields] == [
        "why (any JSON value, required)",
        "size (any JSON value, one of small, large, required): how large",
        "note (string or null, optional): Note",
        "count (integer, at least 1; at most 3, optional)",
    ]


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"properties": {"x": True}}])
def test_a_schema_that_names_little_is_no_obstacle(schema: Any) -> None:
    assert all(field.types == () for field in fields_of(schema))


def test_a_value_that_is_not_asked_for_is_told_the_nearest_input() -> None:
    fields = fields_of({"required": ["ticket"], "properties": {"count": {"type": "integer"}}})
    assert [field.name for field in missing(fields, {"tiket": "OPS-1"})] == ["ticket"]
    assert nearest(fields, fields, {"tiket": "OPS-1"}) == "; did you mean 'ticket'?"
    assert nearest(fields, fields, {"ticket": "OPS-1"}) == ""
