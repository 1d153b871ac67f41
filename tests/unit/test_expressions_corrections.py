"""Expressions as people of other languages write them, and what to write instead."""

from __future__ import annotations

import time

import pytest

from orchestrator.expressions import ExpressionError, compile_expression, compile_text
from orchestrator.expressions.corrections import write_nulls


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("$[[ vars.a ]]", "vars.a"),
        ("$[[ vars.a ]] == 1", "vars.a == 1"),
        ("{{ vars.a }}", "vars.a"),
        ("${{ vars.a == 'x' }}", "vars.a == 'x'"),
        ("$(vars.a)", "vars.a"),
        ("${vars.a}", "vars.a"),
        ("vars.a = 1", "vars.a == 1"),
        ("(vars.a = 1)", "(vars.a == 1)"),
        ("vars.a | sort(reverse=true) = [1]", "vars.a | sort(reverse=true) == [1]"),
        ("vars.a = '='", "vars.a == '='"),
        ("vars.a === 1", "vars.a == 1"),
        ("vars.a !== 1", "vars.a != 1"),
        ("vars.a <> 1", "vars.a != 1"),
        ("vars.a&&vars.b", "vars.a and vars.b"),
        ("vars.a || !vars.b", "vars.a or not vars.b"),
        ("vars.a AND NOT vars.b", "vars.a and not vars.b"),
        ("vars.a is null", "vars.a is none"),
        ("vars.a is not None", "vars.a is not none"),
        ("vars.a is true", "vars.a == true"),
        ("vars.a is not empty", "vars.a | length > 0"),
        ("vars.a is list", "vars.a is sequence"),
        ("vars.a eq 1", "vars.a == 1"),
        ("vars.a -gt 1", "vars.a > 1"),
        ("vars.a contains 'b'", "vars.a is contains 'b'"),
        ("vars.a =~ 'b.*'", "vars.a is matches 'b.*'"),
        ("vars.a ? 1 : 2", "1 if vars.a else 2"),
        ("vars.a ?? 'x'", "vars.a | default('x')"),
        ("vars.a?.b", "vars.a.b"),
        ("vars.a == “x”", 'vars.a == "x"'),
        ("if vars.a == 1", "vars.a == 1"),
        ("vars.a == 1;", "vars.a == 1"),
        ("Everything went well.", "'Everything went well.'"),
    ],
)
def test_a_slip_is_answered_with_what_to_write(source: str, written: str) -> None:
    compile_expression(written)
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source)
    assert str(refused.value).startswith(f"{source!r} is not an expression: ")
    assert str(refused.value).endswith(f": write `{written}`")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("len(vars.a) > 0", "write the filter '| length': `vars.a | length`"),
        ("contains(vars.a, 'b')", "`vars.a | contains('b')`"),
        ("vars.a.toUpperCase()", "`vars.a | upper`"),
        ("failure()", "write `outcome: Failed` at its edge"),
        ("always()", "write `outcome: Always` at its edge, or name it in spec.finally"),
        ("secret('x')", "'secret' cannot be called"),
        ("vars.a | to_json", "there is no filter 'to_json'; write 'tojson'"),
        ("vars.a | regex_search('x')", "write 'matches'"),
        ("vars.a | json_query('x')", "keys are read with dots and brackets"),
        ("{% if vars.a %}", "there are no statements, only expressions"),
        ("1 +", "it ends where a value is expected"),
        ("(vars.a == 1", "it ends without ')'"),
        ("vars.a == 'x", "the string at character 11 has no closing quote"),
        ("[1, 2", "a bracket is open"),
    ],
)
def test_what_cannot_be_corrected_is_explained(source: str, words: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source)
    assert words in str(refused.value)


def test_an_expression_in_a_text_is_corrected_too() -> None:
    with pytest.raises(ExpressionError, match=r"write `vars\.a and vars\.b`"):
        compile_text("is $[[ vars.a && vars.b ]]")


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("vars.a == null", "vars.a == none"),
        ("vars.a != undefined", "vars.a is defined"),
        ("vars.a == 'null'", "vars.a == 'null'"),
        ("vars.null", "vars.null"),
    ],
)
def test_nulls_are_written_as_the_language_has_them(source: str, written: str) -> None:
    assert write_nulls(source) == written


@pytest.mark.parametrize(
    "part", ["$[[", "{{ ", "=", "(a=", "&&", "? ", "a ?? ", "'", '"\\', "is ", "a eq ", "!"]
)
def test_a_correction_takes_little_time(part: str) -> None:
    source = f"vars.a {part * (1_000 // len(part))}"
    start = time.process_time()
    for _ in range(5):
        with pytest.raises(ExpressionError):
            compile_expression(source)
    assert time.process_time() - start < 5 * 0.05
