"""The names that messages propose."""

from __future__ import annotations

import pytest

from orchestrator.models.nearest import MAX_COMPARED, all_near, did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "names", "most", "hint"),
    [
        ("servce", ["service", "token"], 1, "; did you mean 'service'?"),
        ("zzz", ["service", "token"], 1, ""),
        ("", ["service"], 1, ""),
        ("Service", ["server", "service"], 3, "; did you mean 'service'?"),
        (
            "deploy",
            ["deploy-a", "deploy-b", "clean"],
            3,
            "; did you mean 'deploy-b' or 'deploy-a'?",
        ),
        (
            "deploy",
            ["deploy1", "deploy2", "deploy3"],
            3,
            "; did you mean 'deploy3', 'deploy2' or 'deploy1'?",
        ),
    ],
)
def test_the_names_near_are_proposed(name: str, names: list[str], most: int, hint: str) -> None:
    assert did_you_mean(name, names, limit=most) == hint


def test_no_more_names_are_proposed_than_asked_for() -> None:
    names = [f"deploy{number}" for number in range(2 * MAX_COMPARED)]
    assert nearest("deploy", names) == all_near("deploy", names, limit=3)[0]
    assert len(all_near("deploy", names, limit=3)) == 3


def test_a_name_that_is_too_long_for_one_is_no_candidate() -> None:
    assert nearest("a" * 64, ["a" * 65]) is None
