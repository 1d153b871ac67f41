"""What an evaluation costs: counted the same everywhere, and ended where it is too much."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.expressions import (
    BudgetExhaustedError,
    ExpressionError,
    TooCostlyError,
    compile_expression,
    full_match,
)
from orchestrator.expressions.budget import MAX_WORK, SLICE, Account, Pacer, paced_by, paid_by
from orchestrator.expressions.comparing import canonical, equal, within
from orchestrator.models.nearest import did_you_mean
from tests.unit.test_expressions_fuzz import expressions, json_values

LARGE: dict[str, Any] = {
    "zeros": [0] * 21_000,
    "numbers": list(range(10_000)),
    "floats": [number + 0.5 for number in range(9_000)],
    "names": [f"host-{number}" for number in range(5_000)],
    "pairs": [[number, number] for number in range(7_000)],
    "objects": [{"a": number, "b": [number]} for number in range(4_000)],
    "empty": [[]] * 15_000,
    "mixed": [1, "a", None, True, 2.5] * 3_000,
    "similar": ["a" * 255 + chr(97 + number % 26) for number in range(250)],
    "keys": {f"k{number}": number for number in range(5_000)},
    "text": "a" * 60_000,
    "spaces": " a" * 30_000,
    "wide": "é" * 30_000,
    "json": "[" + "0," * 8_000 + "0]",
    "nested": "[" * 8_000 + "]" * 8_000,
    "pattern": ".*a" + "." * 250,
}
SCOPE = {"vars": LARGE, "event": LARGE}
HOSTILE = [
    "vars.zeros | reject('in', vars.zeros) | length",
    "vars.numbers | select('in', vars.zeros) | length",
    "vars.names | select('in', vars.numbers) | length",
    "vars.floats | select('in', vars.floats) | length",
    "vars.mixed | reject('in', vars.mixed) | length",
    "vars.pairs | select('in', vars.pairs) | length",
    "vars.objects | reject('in', vars.objects) | length",
    "vars.empty | select('in', vars.pairs) | length",
    "vars.pairs | select('eq', vars.pairs) | length",
    "vars.objects | selectattr('b', 'in', vars.pairs) | length",
    "vars.names | select('in', vars.text) | length",
    "vars.names | select('contains', 'x') | length",
    "vars.names | map('split') | length",
    "vars.names | map('upper') | select('in', vars.names) | length",
    "vars.zeros | map('string') | join(',') | length",
    "vars.objects | map('tojson') | join",
    "vars.zeros | unique",
    "vars.pairs | unique | length",
    "vars.objects | unique | length",
    "vars.similar | sort",
    "[" + "vars.text, vars.wide, " * 40 + "] | sort | length",
    "vars.numbers | sort(reverse=true) | first",
    "vars.objects | map(attribute='a') | sort | last",
    "vars.text | replace('a', 'bbbb') | length",
    "vars.text | replace('', 'b') | length",
    "vars.text | replace('aab', '') | length",
    "vars.text | split('a') | length",
    "vars.spaces | split | length",
    " ~ ".join(["vars.text"] * 80),
    "(vars.text[:20000] ~ 'b') in vars.text",
    "(vars.text[:50] ~ 'b') in vars.text[:29999]",
    "vars.json | fromjson | length",
    "vars.nested | fromjson | length",
    "event == event",
    "[" + "event, " * 60 + "1] == [" + "event, " * 60 + "2]",
    "[" + "event, " * 120 + "] | tojson",
    " and ".join(["vars.zeros == vars.zeros"] * 35),
    " or ".join(["1 == vars.zeros | sum"] * 40),
    "vars.zeros < vars.zeros",
    "vars.keys == vars.keys",
    "vars.keys.absent",
    "vars.text is matches('(x+x+)+y')",
    "vars.text is matches('.*a" + "." * 240 + "')",
    "vars.text is matches('(a?){1000}')",
    "vars.text is matches(vars.pattern)",
    "vars.names | select('matches', '(?:a?){900}') | length",
    "9223372036854775807 ** 64",
    "2 ** 64 ** 64",
]


def cost(source: str, scope: dict[str, Any]) -> tuple[int, Any]:
    """Units that an evaluation costs, and what it comes to."""
    with paid_by(Account()) as account:
        try:
            outcome = compile_expression(source).evaluate(scope)
        except ExpressionError as error:
            outcome = type(error), str(error)
    return account.used, outcome


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_expression_costs_no_more_than_the_budget_and_the_same_again(source: str) -> None:
    used, outcome = cost(source, SCOPE)
    assert 0 < used <= MAX_WORK
    assert cost(source, SCOPE) == (used, outcome)


def test_an_expression_that_does_too_much_says_so() -> None:
    with pytest.raises(TooCostlyError, match=r"exceeds the budget of 200,000 units"):
        compile_expression("vars.objects | unique | length").evaluate(SCOPE)


def test_hosts_of_which_some_are_excluded_are_well_within_the_budget() -> None:
    hosts, excluded = LARGE["names"], LARGE["names"][::2]
    scope = {"vars": {"hosts": hosts, "exclude": excluded}}
    used, left = cost("vars.hosts | reject('in', vars.exclude) | length", scope)
    assert left == 2_500
    assert used < MAX_WORK / 2


def test_the_search_for_the_name_that_was_meant_is_paid_for() -> None:
    few, many = ({f"{'ab' * 30}{n}": n for n in range(count)} for count in (1, 50))
    missing = "vars." + "ba" * 31
    small, large = (cost(missing, {"vars": keys})[0] for keys in (few, many))
    assert small > 40 * 62
    assert 7 * 40 * 62 < large - small < 8 * 40 * 62


@pytest.mark.parametrize("name", ["host-1234", "web-frontend"])
def test_the_name_that_was_meant_is_found_among_many(name: str) -> None:
    names = [*(f"host_{number}" for number in range(1_000)), "web-frontend-", "host-12345"]
    near = did_you_mean(name, [*names, *(f"task-{number}" for number in range(500))])
    assert near.startswith(f"; did you mean '{name}")


_SOURCES = st.sampled_from(sorted(LARGE)).map("vars.{}".format)


@settings(deadline=None)
@given(expressions, st.lists(st.sampled_from(sorted(LARGE.values(), key=str)), min_size=2))
def test_any_expression_over_large_values_ends_within_the_budget(source: str, values: Any) -> None:
    with suppress(ExpressionError):
        compile_expression(source)
        used, _ = cost(source, {"a": values[0], "s": values[1], "v": {"s": values[-1]}, "x": 1})
        assert used <= MAX_WORK


# What is equal stays as it was


@given(json_values, json_values)
def test_values_have_one_canonical_form_exactly_when_they_are_equal(one: Any, two: Any) -> None:
    with suppress(ExpressionError, ValueError, OverflowError):
        forms = canonical(one), canonical(two)
        if all(type(form) is not object for form in forms):
            assert (forms[0] == forms[1]) == (one == two)


@given(json_values, st.lists(json_values, max_size=20))
def test_a_list_holds_what_python_says_that_it_holds(item: Any, items: list[Any]) -> None:
    with suppress(ExpressionError):
        assert within(item, [*items, *range(9)]) == (item in [*items, *range(9)])
        assert within(item, [*items, item, *range(9)])


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (True, 1, True),
        (1, 1.0, True),
        (False, 0.0, True),
        (0, -0.0, True),
        ([1, [True]], [1.0, [1]], True),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": True}, True),
        ("1", 1, False),
        (None, False, False),
        ([], {}, False),
        ("[]", [], False),
        (2**53 + 1, float(2**53), False),
        (1e300, 1e300, True),
        ([1, 2], [1, 2, 3], False),
    ],
)
def test_equality_is_that_of_numbers_lists_and_objects(one: Any, two: Any, same: bool) -> None:
    assert equal(one, two) is same
    assert (canonical(one) == canonical(two)) is same
    filler = [f"other-{number}" for number in range(20)]
    for source in ("a in b", "a is in(b)", "b is contains(a)"):
        assert compile_expression(source).evaluate({"a": one, "b": [*filler, two]}) is same
        assert compile_expression(source).evaluate({"a": one, "b": [two]}) is same


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 < 2 < 3", True),
        ("3 > 2 > 2", False),
        ("1 > 2 > absent", False),
        ("[1, 2] < [1, 3]", True),
        ("'a' < 'b' <= 'b'", True),
        ("'k' in {'k': 1} and 'b' in 'abc' and 1 not in []", True),
        ("1 in [1] == true", False),
        ("'a' != 'b' and [1] != [2] and {} == {}", True),
    ],
)
def test_comparisons_mean_what_they_meant(source: str, value: bool) -> None:
    assert compile_expression(source).evaluate({}) is value


# Patterns


def test_a_pattern_with_too_large_a_program_is_refused_when_it_is_read() -> None:
    with pytest.raises(ExpressionError, match="is not an RE2 pattern: pattern too large"):
        compile_expression(r"vars.text is matches('[\\pL\\pN]{200}')")


def test_a_pattern_is_not_tried_on_a_text_that_is_too_long_for_it() -> None:
    with pytest.raises(ExpressionError, match=r"is too costly for a string of 60,000 characters"):
        full_match("(a?){1000}", LARGE["text"])
    assert full_match(".*error.*", "x" * 30_000 + "error" + "x" * 30_000)


# Accounts


def test_evaluations_share_the_account_that_pays_for_them() -> None:
    with paid_by(Account(3 * MAX_WORK // 2)) as account:
        for _ in range(2):
            with pytest.raises(TooCostlyError):
                compile_expression("vars.objects | unique").evaluate(SCOPE)
        with pytest.raises(
            BudgetExhaustedError, match="the budget of one reconciliation of the execution"
        ):
            compile_expression("1").evaluate({})
    assert account.available == 0
    assert compile_expression("1").evaluate({}) == 1


def test_work_yields_between_evaluations_whatever_pays_for_it() -> None:
    yielded: list[int] = []
    account = Account()
    with paid_by(account), paced_by(Pacer(lambda: yielded.append(account.used))):
        for _ in range(6):
            with suppress(TooCostlyError):
                compile_expression("vars.objects | unique").evaluate(SCOPE)
    assert len(yielded) >= 6
    assert account.used == 6 * MAX_WORK
    assert MAX_WORK >= SLICE


def test_an_account_pays_no_more_than_its_parent_can() -> None:
    parent = Account(MAX_WORK // 2)
    with paid_by(Account(parent=parent)), pytest.raises(BudgetExhaustedError):
        compile_expression("vars.objects | unique").evaluate(SCOPE)
    assert parent.left == 0
