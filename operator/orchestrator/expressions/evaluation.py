"""Compiled expressions, and the sandbox that they run in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from jinja2 import TemplateError, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from orchestrator.expressions.bounds import (
    check_length,
    check_number,
    check_result,
    is_number,
    require_defined,
)
from orchestrator.expressions.budget import charge, metered, tick
from orchestrator.expressions.caching import SourceCache
from orchestrator.expressions.comparing import Operand
from orchestrator.expressions.errors import ExpressionError, kind
from orchestrator.expressions.library import FILTERS, TESTS
from orchestrator.expressions.library.lists import concat, part
from orchestrator.expressions.lookup import Hidden, Missing, lookup
from orchestrator.expressions.syntax import (
    CONCAT,
    LOOKUP,
    OPERAND,
    SCOPE,
    SLICE,
    count_nodes,
    parse,
)

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
    "**": lambda left, right: left**right,
}
_MAX_EXPONENT = 64
_PARSE_UNITS, _COMPILE_UNITS = 40, 60
"""Units for each character that is parsed or compiled for the first time."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 without globals and with bounded arithmetic, restricted to the library's filters and
    tests."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset(_ARITHMETIC)  # type: ignore[misc]
    intercepted_unops: ClassVar[frozenset[str]] = frozenset("+-")  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__(undefined=Missing, optimized=False, cache_size=0)
        self.globals = {}
        self.filters = {**FILTERS, LOOKUP: lookup, CONCAT: concat, SLICE: part}
        self.filters[OPERAND] = Operand
        self.tests = dict(TESTS)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers; `+` also joins two strings or two lists."""
        del context
        charge(5)
        if operator == "+" and type(left) is type(right) and type(left) in (str, list):
            length = len(left) + len(right)
            check_length(length)
            charge(1 + length // (256 if type(left) is str else 16))
            return left + right
        for operand in (left, right):
            if not is_number(require_defined(operand)):
                hint = "; use ~ to join strings" if operator == "+" else ""
                raise ExpressionError(f"cannot compute {kind(left)} {operator} {kind(right)}{hint}")
        if operator == "**" and abs(right) > _MAX_EXPONENT:
            raise ExpressionError(f"an exponent is at most {_MAX_EXPONENT}")
        return check_number(_ARITHMETIC[operator](left, right))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """The sign of a number."""
        del context
        if not is_number(require_defined(arg)):
            raise ExpressionError(f"cannot compute {operator} of {kind(arg)}")
        return -arg if operator == "-" else arg


_SANDBOX = _Sandbox()


class Expression:
    """A parsed expression that uses only allowed syntax."""

    def __init__(self, source: str) -> None:
        tick(100 + _PARSE_UNITS * len(source))
        self._compiled: Any = None
        self.source = source
        """As written, without delimiters."""
        tree, self.references = parse(_SANDBOX, source)
        """The constant paths that it reads, such as ("nodes", "check", "outputs", "status")."""
        self.weight = count_nodes(tree)
        """Nodes of its syntax tree, a measure of its memory."""

    @property
    def whole_reference(self) -> tuple[str, ...] | None:
        """The path, if the expression is a single reference."""
        names = self.source.strip().split(".")
        path = tuple(name.strip() for name in names)
        return path if self.references == {path} else None

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The value in this scope: JSON of at most 64 KiB, or an unchanged SecretValue.

        Raises ExpressionError for every failure: TooCostlyError if the work exceeds its budget,
        BudgetExhaustedError if the account is exhausted.
        """
        with metered():
            charge(20)
            return self._evaluate(scope)

    def _evaluate(self, scope: Mapping[str, Any]) -> Any:
        try:
            template = self._template()
            context = template.new_context({SCOPE: scope})
            for _ in template.root_render_func(context):
                pass
            result = context.vars["result"]
            if type(result) is Hidden:
                return result.secret
            return check_result(require_defined(result))
        except ExpressionError:
            raise
        except TemplateError as error:
            raise ExpressionError(error.message or "the expression cannot be evaluated") from error
        except ZeroDivisionError as error:
            raise ExpressionError("division by zero") from error
        except OverflowError as error:
            raise ExpressionError("a number is too large") from error
        except RecursionError as error:
            raise ExpressionError("a value is nested too deeply") from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ExpressionError(_error_text(error)) from error

    def _template(self) -> Any:
        """The Jinja2 template of the expression, compiled on first use.

        The source is parsed a second time for it, which takes a sixth of the time of compiling.
        Trees are not kept: each has hundreds of objects, and with a full cache of them each run of
        the garbage collector stopped all threads for 0.15 s.

        Unlike cached_property, it takes no lock, because a thread that yields here must hold none.
        """
        compiled = self._compiled
        if compiled is None:
            tick(1000 + (_PARSE_UNITS + _COMPILE_UNITS) * len(self.source))
            tree, _ = parse(_SANDBOX, self.source)
            assign = nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)
            template = nodes.Template([assign], lineno=1)
            compiled = self._compiled = _SANDBOX.from_string(template)
        return compiled


_expressions = SourceCache(Expression, lambda expression: expression.weight)


def compile_expression(source: str) -> Expression:
    """Parse an expression; raises ExpressionError if it is invalid or not allowed."""
    return _expressions(source)


def evaluate_boolean(source: str, scope: Mapping[str, Any]) -> bool:
    """The value of a condition; raises ExpressionError unless it is true or false."""
    value = compile_expression(source).evaluate(scope)
    if type(value) is not bool:
        raise ExpressionError(f"the expression must be true or false; it is {kind(value)}")
    return value


_COMPARISON = re.compile(r"^'(<|>|<=|>=)' not supported between instances of")
_PYTHON = {
    "'NoneType'": "null",
    "'bool'": "a boolean",
    "'int'": "an integer",
    "'float'": "a number",
    "'str'": "a string",
    "'list'": "a list",
    "'dict'": "an object",
    "unhashable type:": "a key is a string, not",
}


def _error_text(error: Exception) -> str:
    """Python's message, with the names of JSON types instead of Python's."""
    message = _COMPARISON.sub(r"cannot compare (\1)", str(error))
    for python, name in _PYTHON.items():
        message = message.replace(python, name)
    return message or "the expression cannot be evaluated"
