"""Whatever is written as an expression, the outcome is a JSON value or an ExpressionError."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.expressions import ExpressionError, SecretValue, compile_text, full_match
from orchestrator.expressions.bounds import to_json
from orchestrator.expressions.library import FILTERS, TESTS

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

_KNOWN = "a a.b a['b'] a[0] a.items s x v v.s a.__class__ self loop"
_LITERALS = "1 -1 0.5 1e300 't' '' true none [] {} 9223372036854775807 '\\ud800'"
atoms = st.sampled_from(_KNOWN.split() + _LITERALS.split())


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "in", "and", "or"]
    filters = st.sampled_from(sorted(FILTERS))
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, filters).map(lambda t: f"({t[0]}) | {t[1]}"),
        st.tuples(inner, filters, inner).map(lambda t: f"({t[0]} | {t[1]}({t[2]}))"),
        st.tuples(inner, filters, inner, inner).map(lambda t: f"({t[0]} | {t[1]}({t[2]}, {t[3]}))"),
        st.tuples(inner, st.sampled_from(sorted(TESTS))).map(lambda t: f"({t[0]} is {t[1]})"),
        st.tuples(inner, st.sampled_from(sorted(TESTS)), inner).map(
            lambda t: f"({t[0]} is {t[1]}({t[2]}))"
        ),
        st.tuples(inner, filters).map(lambda t: f"([{t[0]}] | map('{t[1]}'))"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}[{t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}:]"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.lists(inner, max_size=3).map(lambda t: f"[{', '.join(t)}]"),
        st.tuples(inner, inner).map(lambda t: "{" + ": ".join(t) + "}"),
        inner.map(lambda t: f"not {t}"),
        inner.map(lambda t: f"{t}()"),
    )


expressions = st.recursive(atoms, _compound, max_leaves=8)


def outcome(text: str, scope: dict[str, Any]) -> Any:
    """The rendered value; None when it was refused in words."""
    refusal = ""
    try:
        return compile_text(text).render(scope)
    except ExpressionError as error:
        refusal = str(error)
    assert refusal
    return None


@given(st.text())
@example("\x00")
@example("\ud800")
@example("'" + "\\" * 7)
@example("1__0")
@example("0x_f")
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome(f"$[[ {text} ]]", {"a": 1})
    outcome(text, {"a": 1})


@given(st.text(alphabet="$[](){}'\"\\ a.|,:~*-+%<>=!1\n", max_size=60))
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    outcome(f"$[[{text}]]", {"a": {"a": 1}})


@given(expressions, json_values)
def test_any_expression_over_any_value_yields_json_or_words(source: str, value: Any) -> None:
    secret = SecretValue("name", "key")
    result = outcome(f"$[[ {source} ]]", {"a": value, "s": secret, "v": {"s": secret}})
    if type(result) is not SecretValue and not (type(result) is float and math.isnan(result)):
        assert len(to_json(result)) <= 64 * 1024 + 2


@given(st.text(max_size=300), st.text(max_size=50))
def test_any_pattern_matches_or_is_refused(pattern: str, text: str) -> None:
    with suppress(ExpressionError):
        full_match(pattern, text)
