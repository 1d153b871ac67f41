"""The page of operators, filters, tests and limits of expressions. Every example is evaluated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from dev.reference.declared import documented
from dev.reference.expression_examples import FILTERS as FILTER_EXAMPLES
from dev.reference.expression_examples import OPERATORS, SCOPE
from dev.reference.expression_examples import TESTS as TEST_EXAMPLES
from dev.reference.markdown import code, page, section, sentence, table
from orchestrator.expressions import (
    ExpressionError,
    bounds,
    budget,
    compile_expression,
    patterns,
    syntax,
    text,
)
from orchestrator.expressions.library import FILTERS, TESTS

_LIMITS = (
    (syntax, ("MAX_SOURCE", "MAX_NODES", "MAX_NESTING")),
    (text, ("MAX_EXPRESSIONS",)),
    (bounds, ("MAX_RESULT", "MAX_INTERMEDIATE", "MAX_PARSED", "MAX_INTEGER")),
    (patterns, ("MAX_PATTERN", "MAX_MEMORY")),
    (budget, ("MAX_WORK",)),
)


def expressions() -> str:
    """Operators, filters, tests and limits, with evaluated examples."""
    return page(
        "Operators, filters and tests",
        "[Expressions](expressions.md) explains the language and what an expression sees. The "
        "results below are those of the examples with these values:",
        table(("Name", "Value"), _values()),
        section("Operators", table(("Operator", "Meaning", "Example", "Result"), _operators())),
        section("Filters", table(("Filter", "Result", "Example", "Result"), _filters())),
        section("Tests", table(("Test", "Holds when", "Example", "Result"), _tests())),
        section(
            "Limits",
            "An expression that exceeds a limit is an error; it never slows the operator down.",
            table(("Limit", "Value"), _limits()),
        ),
    )


def _values() -> list[tuple[str, str]]:
    rows = [(code(f"vars.{name}"), _shown(value)) for name, value in SCOPE["vars"].items()]
    for name, node in SCOPE["nodes"].items():
        for output, value in node["outputs"].items():
            rows.append((code(f"nodes.{name}.outputs.{output}"), _shown(value)))
    return rows


def _operators() -> list[tuple[str, ...]]:
    return [(name, words, code(source), _result(source)) for name, words, source in OPERATORS]


def _filters() -> list[tuple[str, ...]]:
    _check("filter", FILTERS, FILTER_EXAMPLES)
    return [
        (
            code(f"{name}{_arguments(function)}"),
            sentence(inspect.getdoc(function) or ""),
            code(FILTER_EXAMPLES[name]),
            _result(FILTER_EXAMPLES[name]),
        )
        for name, function in sorted(FILTERS.items())
    ]


def _tests() -> list[tuple[str, ...]]:
    _check("test", TESTS, TEST_EXAMPLES)
    return [
        (code(name), words, code(source), _result(source))
        for name, (words, source) in sorted(TEST_EXAMPLES.items())
    ]


def _check(what: str, there: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    if wrong := there.keys() ^ described.keys():
        raise ValueError(f"{__file__}: {what}s without an example, or gone: {sorted(wrong)}")


def _arguments(function: Callable[..., Any]) -> str:
    """The arguments of a filter, besides the value that it is applied to."""
    _, *rest = inspect.signature(function).parameters.values()
    shown = [
        f"…{parameter.name}"
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL
        else parameter.name
        if parameter.default is inspect.Parameter.empty
        else f"{parameter.name}={_default(parameter.default)}"
        for parameter in rest
    ]
    return f"({', '.join(shown)})" if shown else ""


def _default(value: object) -> str:
    return orjson.dumps(value).decode().replace('"', "'")


def _result(source: str) -> str:
    try:
        return _shown(compile_expression(source).evaluate(SCOPE))
    except ExpressionError as error:
        raise ValueError(f"{__file__}: {source}: {error}") from error


def _shown(value: object) -> str:
    return code(orjson.dumps(value).decode())


def _limits() -> list[tuple[str, str]]:
    return [
        (sentence(words), f"{value:,}")
        for module, names in _LIMITS
        for name, value, words in documented(module)
        if name in names and isinstance(value, int)
    ]
