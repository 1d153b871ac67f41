"""What is kept of expressions that were read is bounded by the memory that it takes."""

from __future__ import annotations

import gc

import pytest

from orchestrator.expressions import ExpressionError, compile_expression, compile_text
from orchestrator.expressions.caching import MAX_WEIGHT, SourceCache
from orchestrator.expressions.evaluation import Expression, _expressions
from orchestrator.expressions.text import _cached


def test_what_was_used_least_recently_goes_when_the_weight_is_exceeded() -> None:
    made: list[str] = []

    def make(source: str) -> str:
        made.append(source)
        return source

    cache = SourceCache(make, len, max_weight=6)
    for source in ("aa", "bb", "cc", "aa", "dd", "aa", "bb"):
        assert cache(source) == source
        assert cache.weight <= 6
    assert made == ["aa", "bb", "cc", "dd", "bb"]


def test_what_is_heavier_than_the_cache_is_made_and_not_kept() -> None:
    cache = SourceCache(str.upper, len, max_weight=3)
    assert cache("aaaa") == "AAAA"
    assert cache.weight == 0


def test_an_error_is_raised_again_and_not_kept() -> None:
    for _ in range(2):
        with pytest.raises(ExpressionError):
            compile_expression("1 +")


def test_a_thousand_dense_expressions_do_not_exceed_the_weight_of_a_cache() -> None:
    for number in range(1_000):
        source = "[" + "1<1," * 60 + f"{number}]"
        assert compile_expression(source).weight > 200
        assert len(compile_text(f"$[[ {source} ]]").expressions) == 1
    assert _expressions.weight <= MAX_WEIGHT
    assert _cached.weight <= MAX_WEIGHT


def test_an_expression_with_too_many_nodes_is_refused_with_their_number() -> None:
    with pytest.raises(ExpressionError, match=r"at most 300 names.* this one has 991: split it"):
        compile_expression("[" + "1<1," * 247 + "i,j]")
    assert compile_expression("[" + "1," * 298 + "1]").evaluate({}) == [1] * 299


def test_a_cached_expression_holds_few_objects_for_the_garbage_collector_to_visit() -> None:
    def source(number: int) -> str:
        return "[" + "1<1," * 60 + f"{number}]"

    expressions = [Expression(source(0))]  # what the first one sets up is not counted
    expressions[0].evaluate({})
    before = _tracked()
    expressions += [Expression(source(number)) for number in range(1, 101)]
    assert _tracked() - before < 10 * 100
    for expression in expressions:
        expression.evaluate({})
    assert _tracked() - before < 20 * 100


def _tracked() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_an_expression_evaluates_again() -> None:
    expression = Expression("a + 1")
    assert [expression.evaluate({"a": number}) for number in (1, 2)] == [2, 3]
