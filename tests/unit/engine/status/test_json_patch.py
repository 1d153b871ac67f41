"""A status that holds nulls is written as the JSON patch that says what the merge patch would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.status.json_patch import holds_null, json_patch, needs_json_patch
from orchestrator.engine.status.record_codec import record_to_patch, record_to_status
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase
from tests.apiserver import merged
from tests.simulation.patches import json_patched

values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (None, False),
        ([None], False),
        ({"a": None}, True),
        ({"a": {"b": None}}, True),
        ([1, {"a": [{"b": None}]}], True),
        ({"a": [None, 0, ""]}, False),
    ],
)
def test_only_a_null_field_of_an_object_would_be_dropped(value: Any, holds: bool) -> None:
    assert holds_null(value) is holds


@given(values)
def test_what_holds_no_null_field_survives_a_merge_patch(value: Any) -> None:
    if not holds_null({"x": value}):
        assert merged({}, {"outputs": {"x": value}}) == {"outputs": {"x": value}}


def test_only_values_of_users_ask_for_a_json_patch() -> None:
    null = {"x": None}
    assert needs_json_patch({"variables": null})
    assert needs_json_patch({"outputs": {"y": null}})
    assert needs_json_patch({"nodes": {"a": {"outputs": null}}})
    assert not needs_json_patch({"active": None, "nodes": {"a": {"phase": "Failed", "job": None}}})
    assert not needs_json_patch({})


def stored(status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"uid": "u", "resourceVersion": "7"}, "status": status}


GUARDS = {"uid": "u", "resourceVersion": "7"}
records = st.builds(
    Record,
    phase=st.sampled_from(list(NodePhase)),
    reason=st.sampled_from(["", "Failed"]),
    attempts=st.integers(0, 2),
    exit_code=st.sampled_from([None, 0, 3]),
    outputs=st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=2),
)
changes = st.dictionaries(st.sampled_from(["a", "b"]), records, min_size=1)
fields = st.fixed_dictionaries(
    {"phase": st.just("Running")}, optional={"progress": st.just("1/2"), "active": st.none()}
)


def without_nulls(status: dict[str, Any]) -> dict[str, Any]:
    """As the schema prunes them on the first two levels of what is ours."""
    return {key: value for key, value in status.items() if value is not None}


@given(old=changes, new=changes, status=fields, every=st.booleans())
def test_it_comes_to_what_the_merge_patch_would(
    old: dict[str, Record], new: dict[str, Record], status: dict[str, Any], every: bool
) -> None:
    kept = {key: record_to_status(one) for key, one in old.items() if key in new or not every}
    before: dict[str, Any] = {"phase": "Pending", "nodes": kept}
    change = {**status, "nodes": {key: record_to_patch(one) for key, one in new.items()}}
    operations = json_patch(GUARDS, change, None, whole_nodes=every)
    patched = json_patched("workflowexecutions", "run", stored(before), operations)
    # A JSON patch replaces outputs where a merge patch would add to them.
    bare = {key: {"outputs": None} for key in kept if key in new}
    wanted = merged(merged(before, {"nodes": bare}), change)
    assert without_nulls(patched["status"]) == wanted


def test_the_write_is_guarded_by_what_was_read() -> None:
    operations = json_patch(GUARDS, {"phase": "Running"}, None, whole_nodes=False)
    assert operations[:2] == [
        {"op": "add", "path": "/metadata/uid", "value": "u"},
        {"op": "add", "path": "/metadata/resourceVersion", "value": "7"},
    ]


def test_an_execution_that_is_only_now_admitted_has_its_status_written_as_a_whole() -> None:
    change = {"phase": "Running", "active": None, "nodes": {"a": {"phase": "Pending", "job": None}}}
    operations = json_patch(GUARDS, change, {"reason": "Queued"}, whole_nodes=True)
    assert operations[-1] == {
        "op": "add",
        "path": "/status",
        "value": {"reason": "Queued", "phase": "Running", "nodes": {"a": {"phase": "Pending"}}},
    }


def test_a_null_of_a_user_stays() -> None:
    outputs = {"x": None, "y": {"z": None}}
    change = {"nodes": {"a": {"phase": "Succeeded", "outputs": outputs, "job": None}}}
    operations = json_patch({}, change, None, whole_nodes=False)
    record = {"phase": "Succeeded", "outputs": outputs}
    assert operations == [{"op": "add", "path": "/status/nodes/a", "value": record}]
