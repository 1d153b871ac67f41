"""The expression language: what it yields, what it refuses, and in which words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.expressions import (
    ExpressionError,
    SecretValue,
    compile_expression,
    compile_text,
    evaluate_boolean,
    full_match,
    render,
)

TOKEN = SecretValue("service-api", "key")
SCOPE: dict[str, Any] = {
    "vars": {"service": "api", "n": 3, "big": "x" * 40_000, "token": TOKEN, "none": None},
    "nodes": {
        "check": {
            "phase": "Succeeded",
            "outputs": {"status": 503, "items": [1, 2, 3], "keys": "a", "up": False},
        }
    },
    "event": {"pods": [{"name": "a", "ok": True}, {"name": "b", "ok": False}]},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("7 // 2 ** 1 % 4", 3),
        ("-vars.n", -3),
        ("nodes.check.outputs.status != 200", True),
        ("nodes.check.outputs.items", [1, 2, 3]),
        ("nodes.check.outputs.keys", "a"),
        ("nodes['check']['outputs'].items[-1]", 3),
        ("nodes.check.outputs.items[1:]", [2, 3]),
        ("vars.service[0]", "a"),
        ("vars['ser' ~ 'vice']", "api"),
        ("vars.none is none", True),
        ("'a' ~ 1 ~ true ~ none ~ [1, 'b']", 'a1truenull[1,"b"]'),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("(1, 2)", [1, 2]),
        ("{'a': {'b': vars.n}}", {"a": {"b": 3}}),
        ("'on' if vars.n > 2 else 'off'", "on"),
        ("1 < 2 < 3 and not false or true", True),
        ("2 in [1, 2] and 3 not in [1]", True),
        ("vars.absent | default('d')", "d"),
        ("vars.absent.deeper[0] | default('d')", "d"),
        ("nodes.check.outputs.up | default(true)", False),
        ("nodes.check.outputs.up | default(true, true)", True),
        ("vars.absent is defined or vars.n is undefined", False),
        ("vars.service | upper | lower | replace('a', 'o') | trim", "opi"),
        ("'a, b' | split(', ') | join('-')", "a-b"),
        ("' a  b ' | split", ["a", "b"]),
        ("[3, 1, 2] | sort | reverse", [3, 2, 1]),
        ("['b', 'a'] | sort(reverse=true)", ["b", "a"]),
        ("[1, 1, [2], [2]] | unique", [1, [2]]),
        ("[1, 2] | first + [1, 2] | last", 3),
        ("[[1, 5] | min, [1, 5] | max, [1, 5] | sum, (-2) | abs]", [1, 5, 6, 2]),
        ("'42' | int + '0.5' | float", 42.5),
        ("'x' | int(0)", 0),
        ("[2.567 | round(2), 2.567 | round]", [2.57, 3]),
        ("{'b': 1, 'a': 2} | keys", ["a", "b"]),
        ("{'b': 1, 'a': 2} | values", [2, 1]),
        ("'[1, {\"a\": null}]' | fromjson", [1, {"a": None}]),
        ("{'a': 1} | tojson", '{"a":1}'),
        ("event.pods | length", 2),
        ("event.pods | map(attribute='name')", ["a", "b"]),
        ("event.pods | rejectattr('ok', 'eq', true) | map(attribute='name')", ["b"]),
        ("event.pods | selectattr('ok', 'eq', true) | length", 1),
        ("['a', 'bc'] | map('length')", [1, 2]),
        ("[1, 2, 3] | select('gt', 1) | reject('in', [3])", [2]),
        ("vars.service is matches('[a-z]+') and vars.service is not matches('a')", True),
        ("vars.service | contains('pi') and {'a': 1} | contains('a')", True),
        ("'ab' | startswith('a') and 'ab' is endswith('b')", True),
        ("[1 is integer, 1.5 is float, 1 is number, 'a' is string]", [True] * 4),
        ("[[] is sequence, {} is mapping, true is boolean, true is number]", [True] * 3 + [False]),
    ],
)
def test_an_expression_yields(source: str, value: Any) -> None:
    result = compile_expression(source).evaluate(SCOPE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "the expression is empty"),
        ("1 +", "'1 +' is not an expression"),
        ("1 2", "unexpected '2'"),
        ("a if b", "needs an 'else"),
        ("range(9)", "'range' cannot be called"),
        ("vars.service.upper()", "write the filter '| upper'"),
        ("''.__class__.__mro__()", "cannot be called"),
        ("x | upcase", "there is no filter 'upcase'"),
        ("x | attr('y')", "there is no filter 'attr'"),
        ("x | defalt(1)", "did you mean 'default'?"),
        ("x is callable", "there is no test 'callable'"),
        ("x | replace('a')", "filter 'replace': missing a required argument"),
        ("x | upper(*y)", "cannot be used like this"),
        ("x | map('attr')", "'attr' is not the name of a filter"),
        ("x | map(y)", "a computed name is not the name of a filter"),
        ("x | select('odd')", "'odd' is not the name of a test"),
        ("x is matches('[')", "is not an RE2 pattern"),
        ("x is matches('" + "a" * 300 + "')", "at most 256 characters"),
        ("1e999", "too large"),
        ("9" * 30, "exceeds 64 bits"),
        ("(" * 100 + "1" + ")" * 100, "nested too deeply"),
        ("-" * 900 + "1", "nested too deeply"),
        ("1" + "+1" * 400, "nested too deeply"),
        ("'" + "a" * 1100 + "'", "at most 1024 bytes"),
        ("é", "is not a name"),
        ("{% if x %}", "is not an expression"),
    ],
)
def test_reading_refuses(source: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)):
        compile_expression(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("vars.sevice", "vars has no key 'sevice'; did you mean 'service'?"),
        ("var.x", "there is no 'var' here; did you mean 'vars'?"),
        ("nodes.check.outputs.items.x", "nodes.check.outputs.items has no key 'x': it is a list"),
        ("nodes.check.outputs.items[9]", "has no item 9: it has 3"),
        ("nodes.check[0]", "has no item 0: it is an object"),
        ("vars.service.__class__", "vars.service has no key '__class__': it is a string"),
        ("vars[none]", "a key is a string or an integer, not null"),
        ("vars[[1]]", "a key is a string or an integer, not a list"),
        ("[vars.absent]", "has no key 'absent'"),
        ("vars.absent == 1", "has no key 'absent'"),
        ("'a' + 1", "cannot compute a string + an integer; use ~ to join strings"),
        ("'ab' * 3", "cannot compute a string * an integer"),
        ("'%099999999d' % 1", "cannot compute a string % an integer"),
        ("true + 1", "cannot compute a boolean + an integer"),
        ("-'a'", "cannot compute - of a string"),
        ("1 < 'a'", "cannot compare (<) an integer and a string"),
        ("1 / 0", "division by zero"),
        ("1[0:]", "expected a list or a string, not an integer"),
        ("'ab'[::0]", "slice step cannot be zero"),
        ("'ab'['a':]", "expected an integer, not a string"),
        ("2 ** 65", "an exponent is at most 64"),
        ("9 ** 64", "exceeds 64 bits"),
        ("(-8) ** 0.5", "no real root"),
        ("1e300 ** 2", "too large"),
        ("vars.service | abs", "expected a number, not a string"),
        ("vars.n | upper", "expected a string, not an integer"),
        ("'a' | split('')", "separator of split is empty"),
        ("'x' | int", "'x' is not an integer"),
        ("'nan' | float", "not a number"),
        ("'{' | fromjson", "not valid JSON"),
        ("[1, 'a'] | sort", "a list of strings only, or of numbers only"),
        ("[] | first", "an empty list has no item 0"),
        ("event.pods | map(attribute='nam')", "an item has no key 'nam'; did you mean 'name'?"),
        ("{1: 2}", "the keys of an object are strings"),
        ("{[1]: 2}", "a key is a string, not a list"),
        ("vars.big ~ vars.big", "exceeds 64 KiB"),
        ("vars.big + vars.big + vars.big + vars.big + vars.big + vars.big + vars.big", "256 KiB"),
        ("vars.big | replace('x', vars.big)", "256 KiB"),
        ("vars.big | split('x') | join(vars.big)", "256 KiB"),
        ("[" + ", ".join(["vars.big"] * 90) + "] | tojson | length", "256 KiB"),
        ("vars.big | fromjson", "at most 16 KiB"),
        ("'\\\"'" + " | tojson" * 30, "256 KiB"),
        ("'\\ud800'", "not a JSON value"),
    ],
)
def test_evaluating_fails_in_words(source: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)):
        compile_expression(source).evaluate(SCOPE)


def test_references_are_constant_paths_that_end_where_they_become_dynamic() -> None:
    source = "nodes.check.outputs['status'] > vars.limits[vars.n] and nodes[event.node].phase"
    assert compile_expression(source).references == {
        ("nodes", "check", "outputs", "status"),
        ("vars", "limits"),
        ("vars", "n"),
        ("nodes",),
        ("event", "node"),
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$[[ vars.n ]]", 3),
        ("$[[vars.n]]", 3),
        ("n is $[[ vars.n ]].", "n is 3."),
        ("$[[ vars.n ]]$[[ vars.service ]]", "3api"),
        ("$$[[ vars.n ]]", "$[[ vars.n ]]"),
        ("a $$[[ b ]] $[[ vars.n ]]", "a $[[ b ]] 3"),
        ("$[[ nodes.check.outputs.items[[0, 1][1]] ]]", 2),
        ("$[[ nodes.check.outputs.items[vars['n']-1]]]", 3),
        ("$[[ ']]' ]]", "]]"),
        ("$[[ \"it's ]] \" ~ '\\']]' ]]", "it's ]] ']]"),
        ("$[[ {'a': [1]} ]]", {"a": [1]}),
        ("{{ x }} ${y} $(z) {% w %}", "{{ x }} ${y} $(z) {% w %}"),
        ("on: $[[ nodes.check.outputs.up ]]", "on: false"),
    ],
)
def test_a_string_renders(text: str, value: Any) -> None:
    assert compile_text(text).render(SCOPE) == value


def test_an_expression_left_open_says_where_and_how_to_escape() -> None:
    with pytest.raises(ExpressionError, match=r"at character 3 has no \]\].*write \$\$\[\["):
        compile_text("a $[[ vars.n ]")


def test_a_text_has_a_bounded_number_of_expressions() -> None:
    assert compile_text("$[[ 1 ]]" * 100).render({}) == "1" * 100
    with pytest.raises(ExpressionError, match="at most 100 expressions"):
        compile_text("$[[ 1 ]]" * 101)


def test_rendering_walks_lists_and_objects_and_leaves_keys_alone() -> None:
    value = {"$[[ a ]]": ["$[[ vars.n ]]", {"b": "x$[[ vars.service ]]"}, 1, None, True]}
    assert render(value, SCOPE) == {"$[[ a ]]": [3, {"b": "xapi"}, 1, None, True]}


def test_rendering_refuses_what_is_nested_without_end() -> None:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    with pytest.raises(ExpressionError, match="nested more than 64 deep"):
        render(value, SCOPE)


def test_a_secret_passes_whole() -> None:
    assert render({"token": "$[[ vars.token ]]"}, SCOPE) == {"token": TOKEN}


@pytest.mark.parametrize(
    "text",
    [
        "Bearer $[[ vars.token ]]",
        "$[[ vars.token ~ '' ]]",
        "$[[ vars.token == 'guess' ]]",
        "$[[ vars.token | default('x') ]]",
        "$[[ vars.token | length ]]",
        "$[[ vars.token | string ]]",
        "$[[ vars.token is defined ]]",
        "$[[ vars.token is string ]]",
        "$[[ vars.token.name ]]",
        "$[[ 'x' if vars.token else 'y' ]]",
        "$[[ [vars.token] ]]",
        "$[[ vars | tojson ]]",
        "$[[ vars ]]",
        "$[[ vars | values | map('string') ]]",
    ],
)
def test_every_other_use_of_a_secret_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="secret"):
        compile_text(text).render(SCOPE)


def test_a_condition_must_be_true_or_false() -> None:
    assert evaluate_boolean("vars.n == 3", SCOPE) is True
    with pytest.raises(ExpressionError, match="must be true or false; it is an integer"):
        evaluate_boolean("vars.n", SCOPE)


def test_a_pattern_matches_the_whole_string() -> None:
    assert full_match("[a-z]+", "api")
    assert not full_match("[a-z]+", "api!")
    with pytest.raises(ExpressionError, match="is not an RE2 pattern"):
        full_match("(?=x)", "x")


def test_scopes_are_never_changed() -> None:
    scope = {"vars": {"l": [2, 1], "o": {"b": 1, "a": 2}}}
    compile_expression("[vars.l | sort, vars.l | reverse, vars.o | keys]").evaluate(scope)
    assert scope == {"vars": {"l": [2, 1], "o": {"b": 1, "a": 2}}}
