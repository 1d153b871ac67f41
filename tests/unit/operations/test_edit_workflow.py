"""Changes of a Workflow's nodes, edges and layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.operations.edit_workflow import (
    add_edge,
    add_node,
    merge_node,
    merged,
    remove_edge,
    remove_node,
    replace_node,
    set_layout,
)
from orchestrator.operations.errors import Cause, CommandError

SPEC: dict[str, Any] = {
    "nodes": [{"name": "a", "delay": "1s"}, {"name": "b", "delay": "1s"}, {"name": "c"}],
    "edges": [
        {"from": "a", "to": "b"},
        {"from": "a", "to": "b", "outcome": "Failed"},
        {"from": "b", "to": "c"},
    ],
    "finally": ["c"],
    "layout": {"c": [1, 2], "a": [3, 4]},
}


def test_the_edges_of_a_removed_node_go_with_it_and_are_returned() -> None:
    left, gone = remove_node(SPEC, "c")
    assert gone == [{"from": "b", "to": "c"}]
    assert (left["finally"], left["layout"]) == ([], {"a": [3, 4]})
    assert [node["name"] for node in left["nodes"]] == ["a", "b"]
    assert len(SPEC["nodes"]) == 3  # the spec itself is as it was


def test_of_several_edges_between_two_nodes_one_must_be_named() -> None:
    with pytest.raises(CommandError, match="name Succeeded, Failed"):
        remove_edge(SPEC, "a", "b")
    left = remove_edge(SPEC, "a", "b", "Failed")
    assert left["edges"] == [SPEC["edges"][0], SPEC["edges"][2]]


def test_what_is_there_already_is_a_conflict() -> None:
    changes: tuple[Callable[[], object], ...] = (
        lambda: add_node(SPEC, {"name": "a"}),
        lambda: add_edge(SPEC, {"from": "a", "to": "b", "outcome": "Succeeded"}),
    )
    for change in changes:
        with pytest.raises(CommandError) as caught:
            change()
        assert caught.value.cause is Cause.CONFLICT


def test_an_unknown_node_gets_the_nearest_name() -> None:
    spec = add_node(SPEC, {"name": "deploy"})
    changes: tuple[Callable[[], object], ...] = (
        lambda: remove_node(spec, "deplyo"),
        lambda: add_edge(spec, {"from": "a", "to": "deplyo"}),
        lambda: merge_node(spec, "deplyo", {}),
        lambda: set_layout(spec, {"deplyo": [1, 2]}),
    )
    for change in changes:
        with pytest.raises(CommandError, match="did you mean 'deploy'"):
            change()


def test_a_node_keeps_its_name() -> None:
    assert replace_node(SPEC, "a", {"delay": "9s"})["nodes"][0] == {"name": "a", "delay": "9s"}
    with pytest.raises(CommandError, match="leave its edges behind"):
        replace_node(SPEC, "a", {"name": "z"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_idempotent_and_leaves_no_null_of_its_own(
    old: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = merged(old, patch)
    assert merged(once, patch) == once
    assert all(once.get(key) is not None or key not in once for key in patch)
