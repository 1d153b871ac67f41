"""Pages of lists: complete, in order, each object once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api.listing import SORTS, contains, page_of
from orchestrator.api.problems import ProblemError

NAMES = st.lists(
    st.tuples(st.sampled_from("abc"), st.text("xyz", min_size=1, max_size=3)), unique=True
)


def raw(namespace: str, name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "creationTimestamp": name[:1]}}


@given(NAMES, st.integers(1, 4), st.sampled_from(("name", "-name", "created", "-created")))
def test_pages_have_each_object_once_and_in_order(
    names: list[tuple[str, str]], limit: int, sort: str
) -> None:
    items = [raw(namespace, name) for namespace, name in names]
    found: list[Any] = []
    page = ""
    while True:
        answer = page_of(items, (), SORTS, sort, limit, page)
        assert answer["total"] == len(items)
        found += answer["items"]
        page = answer.get("next", "")
        if not page:
            break
        assert len(answer["items"]) == limit
    whole = page_of(items, (), SORTS, sort, 500, "")["items"]
    assert found == whole
    assert len(found) == len(items)


@pytest.mark.parametrize("page", ["x", "bnVsbA==", "WyJhIl0=", "WyIiLCIiLCIiXQ==", "é", "[]"])
def test_a_page_that_is_none_is_refused(page: str) -> None:
    with pytest.raises(ProblemError, match="not the `next` of a page") as caught:
        page_of([], (), SORTS, "name", 10, page)
    assert caught.value.status == 422


def test_an_unknown_order_gets_the_nearest_one() -> None:
    with pytest.raises(ProblemError, match="did you mean 'created'"):
        page_of([], (), SORTS, "-craeted", 10, "")


def test_text_is_found_in_name_title_and_description_in_any_case() -> None:
    one = raw("n", "restart") | {"spec": {"title": "Restart a Service", "description": None}}
    assert contains(one, "SERVICE")
    assert contains(one, "start")
    assert not contains(one, "none")
