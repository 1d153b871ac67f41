"""The allow-list of syntax, and the rewriting of operations that Jinja2 does not bound.

Jinja2 parses the source; only nodes that are listed here are allowed. Names, dots and brackets are
rewritten to a key lookup, so the generated code contains no attribute access; `~` is rewritten to a
bounded filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from orchestrator.expressions.arguments import check_arguments, check_naming
from orchestrator.expressions.bounds import check_number
from orchestrator.expressions.corrections import correct
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library import FILTERS, TESTS
from orchestrator.expressions.refusals import explain, path_of, refuse, unknown

MAX_SOURCE = 1024
"""Maximum length of a source, in bytes of UTF-8."""
MAX_NESTING = 50
"""Maximum depth of a syntax tree."""
MAX_NODES = 300
"""Maximum number of nodes of a syntax tree as written: names, constants, operators, lists …"""

SCOPE = "scope"
LOOKUP = "lookup key"
CONCAT = "concat all"
SLICE = "slice part"
OPERAND = "operand of comparison"
"""Names that no source can contain, since an identifier has no space."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = (
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.Neg,
    nodes.Pos,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.List,
    nodes.Dict,
)
References = set[tuple[str, ...]]
_NodeT = TypeVar("_NodeT", bound=nodes.Node)


def parse(environment: Environment, source: str) -> tuple[nodes.Expr, frozenset[tuple[str, ...]]]:
    """The rewritten tree of an expression and its references; ExpressionError if invalid."""
    try:
        return _parse(environment, source)
    except ExpressionError as error:
        hint = correct(source, lambda text: _is_valid(environment, text))
        if not hint:
            raise
        raise ExpressionError(f"{_shown(source)} is not an expression: {hint}") from error


def _is_valid(environment: Environment, source: str) -> bool:
    """Whether it is a valid expression."""
    try:
        _parse(environment, source)
    except ExpressionError:
        return False
    return True


def _parse(environment: Environment, source: str) -> tuple[nodes.Expr, frozenset[tuple[str, ...]]]:
    tree = _parsed(environment, source)
    count = count_nodes(tree)
    references: References = set()
    rewritten = _Rewriter(references).rewrite(tree, 0)
    if count > MAX_NODES:
        raise ExpressionError(
            f"an expression has at most {MAX_NODES} names, constants and operators; this one has"
            f" {count}: split it, or pass long lists as a variable"
        )
    return rewritten, frozenset(references)


def count_nodes(tree: nodes.Node) -> int:
    """The number of nodes of a syntax tree of any depth."""
    count, stack = 0, [tree]
    while stack:
        count += 1
        stack.extend(stack.pop().iter_child_nodes())
    return count


def _parsed(environment: Environment, source: str) -> nodes.Expr:
    size = len(source.encode(errors="surrogatepass"))
    if size > MAX_SOURCE:
        raise ExpressionError(f"an expression has at most {MAX_SOURCE} bytes; this one has {size}")
    if not source.strip():
        raise ExpressionError("the expression is empty")
    try:
        parser = Parser(environment, source, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionError(f"unexpected {_token(parser)} after the expression")
    except TemplateSyntaxError as error:
        hint = explain(error.message or "")
        raise ExpressionError(f"{_shown(source)} is not an expression: {hint}") from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error
    except (ValueError, SyntaxError, OverflowError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"{_shown(source)} is not an expression") from error
    return tree


def _token(parser: Parser) -> str:
    return repr(str(parser.stream.current.value))


def _shown(source: str) -> str:
    return repr(source if len(source) <= 80 else source[:79] + "…")


class _Rewriter:
    """Checks each node against the allow-list and rewrites it; collects references."""

    def __init__(self, references: References) -> None:
        self._references = references

    def rewrite(self, node: nodes.Expr, depth: int) -> nodes.Expr:
        if depth > MAX_NESTING:
            raise ExpressionError("the expression is nested too deeply")
        if isinstance(node, _PLAIN):
            return self._children(node, depth)
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise ExpressionError(refuse(node))
        return handler(self, node, depth)

    def _children(self, node: _NodeT, depth: int) -> _NodeT:
        for field, value in node.iter_fields():
            if isinstance(value, list):
                value[:] = [self._child(item, depth) for item in value]
            elif isinstance(value, nodes.Node):
                setattr(node, field, self._child(value, depth))
        return node

    def _child(self, item: Any, depth: int) -> Any:
        if isinstance(item, nodes.Operand | nodes.Pair):
            return self._children(item, depth + 1)
        return self.rewrite(item, depth + 1) if isinstance(item, nodes.Expr) else item

    def _constant(self, node: nodes.Const, _: int) -> nodes.Expr:
        check_number(node.value)
        return node

    def _tuple(self, node: nodes.Tuple, depth: int) -> nodes.Expr:
        return self._children(nodes.List(node.items, lineno=1), depth)

    def _choice(self, node: nodes.CondExpr, depth: int) -> nodes.Expr:
        if node.expr2 is None:
            raise ExpressionError("'A if B' needs an 'else C'")
        return self._children(node, depth)

    def _compare(self, node: nodes.Compare, depth: int) -> nodes.Expr:
        """Both sides are rewritten to Operands, which charge for the comparison."""
        self._children(node, depth)
        node.expr = _call(OPERAND, node.expr)
        for operand in node.ops:
            operand.expr = _call(OPERAND, operand.expr)
        return node

    def _concat(self, node: nodes.Concat, depth: int) -> nodes.Expr:
        parts = self._children(nodes.List(node.nodes, lineno=1), depth)
        return _call(CONCAT, parts)

    def _filter(self, node: nodes.Filter, depth: int) -> nodes.Expr:
        self._library(node, FILTERS, "filter", depth)
        return node

    def _test(self, node: nodes.Test, depth: int) -> nodes.Expr:
        self._library(node, TESTS, "test", depth)
        return node

    def _library(
        self,
        node: nodes.Filter | nodes.Test,
        table: dict[str, Callable[..., Any]],
        noun: str,
        depth: int,
    ) -> None:
        if node.name not in table:
            raise ExpressionError(unknown(noun, node.name, table))
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise ExpressionError(f"{noun} {node.name!r} cannot be used like this")
        check_arguments(node, table[node.name], noun)
        check_naming(node)
        self._children(node, depth)

    def _access(self, node: nodes.Expr, depth: int) -> nodes.Expr:
        """A name with the dots and brackets that follow it."""
        access, reference = self._chain(node, depth)
        if reference:
            self._references.add(reference)
        return access

    def _chain(self, node: nodes.Expr, depth: int) -> tuple[nodes.Expr, tuple[str, ...]]:
        """The rewritten access, and the constant part of its path."""
        if depth > MAX_NESTING:
            raise ExpressionError("the expression is nested too deeply")
        if isinstance(node, nodes.Name):
            _check_name(node.name)
            return _lookup(nodes.Name(SCOPE, "load"), nodes.Const(node.name), ""), (node.name,)
        if isinstance(node, nodes.Getattr):
            owner, reference = self._chain(node.node, depth + 1)
            return self._step(node.node, owner, nodes.Const(node.attr), reference)
        if isinstance(node, nodes.Getitem):
            owner, reference = self._chain(node.node, depth + 1)
            if isinstance(node.arg, nodes.Slice):
                self._references.update({reference} if reference else ())
                return self._slice(owner, node.arg, depth), ()
            key = self.rewrite(node.arg, depth + 1)
            return self._step(node.node, owner, key, reference)
        return self.rewrite(node, depth + 1), ()

    def _slice(self, owner: nodes.Expr, node: nodes.Slice, depth: int) -> nodes.Expr:
        bounds = (node.start, node.stop, node.step)
        arguments = [
            nodes.Const(None) if bound is None else self.rewrite(bound, depth + 1)
            for bound in bounds
        ]
        return _call(SLICE, owner, *arguments)

    def _step(
        self, source: nodes.Expr, owner: nodes.Expr, key: nodes.Expr, reference: tuple[str, ...]
    ) -> tuple[nodes.Expr, tuple[str, ...]]:
        access = _lookup(owner, key, path_of(source))
        if reference and isinstance(key, nodes.Const) and isinstance(key.value, str):
            return access, (*reference, key.value)
        if reference:
            self._references.add(reference)
        return access, ()


_HANDLERS: dict[type[nodes.Expr], Callable[[_Rewriter, Any, int], nodes.Expr]] = {
    nodes.Const: _Rewriter._constant,
    nodes.Tuple: _Rewriter._tuple,
    nodes.Compare: _Rewriter._compare,
    nodes.CondExpr: _Rewriter._choice,
    nodes.Concat: _Rewriter._concat,
    nodes.Filter: _Rewriter._filter,
    nodes.Test: _Rewriter._test,
    nodes.Name: _Rewriter._access,
    nodes.Getattr: _Rewriter._access,
    nodes.Getitem: _Rewriter._access,
}


def _call(name: str, subject: nodes.Expr, *arguments: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(subject, name, list(arguments), [], None, None, lineno=1)


def _lookup(owner: nodes.Expr, key: nodes.Expr, path: str) -> nodes.Expr:
    return _call(LOOKUP, owner, key, nodes.Const(path))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ExpressionError(f"{name!r} is not a name; names are letters, digits and _")
