"""Which tests prove each route of the REST API.

A test declares the routes whose behaviour it proves, by their answers and by what is there
afterwards:

    @pytest.mark.routes("POST /workflows", "GET /workflows/{id}")

The table of rights and the test against the OpenAPI description send requests to every route; they
declare none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.proof.declared import TESTS
from dev.proof.run import Run
from orchestrator.api.application import PREFIX, create_application

MARK = "routes"


@dataclass(frozen=True)
class RouteProof:
    """A test function and a route that it proves."""

    route: str
    test: str
    """As pytest names it, without parameters."""


def served() -> dict[str, Mapping[str, Any]]:
    """The description of every route, by method and path below the prefix, in the order of the
    reference."""
    paths = create_application(None).openapi()["paths"]
    return {
        f"{method.upper()} {path.removeprefix(PREFIX)}": description
        for path, methods in paths.items()
        for method, description in methods.items()
    }


def declared_routes(folder: Path = TESTS) -> list[RouteProof]:
    """The declarations of all tests, by file; no file is imported."""
    return [
        RouteProof(route, f"{path.relative_to(folder.parent).as_posix()}::{name}")
        for path in sorted(folder.rglob("test_*.py"))
        if f"mark.{MARK}(" in (text := path.read_text(encoding="utf-8"))
        for name, routes in _declarations(text)
        for route in routes
    ]


def undeclared_routes(routes: Sequence[str], proofs: Sequence[RouteProof]) -> Iterator[str]:
    """Routes that no test proves, and declarations without a route."""
    proven = {proof.route for proof in proofs}
    for route in routes:
        if route not in proven:
            yield f"{route}: no test has it in its mark {MARK}"
    for proof in proofs:
        if proof.route not in routes:
            yield f"{proof.test}: its mark {MARK} has {proof.route}, which is no route of the API"


def unanswered(proofs: Sequence[RouteProof], run: Run) -> Iterator[str]:
    """What tests declare and the run did not see answered."""
    for proof in proofs:
        if proof.route not in run.answered.get(proof.test, ()):
            yield f"{proof.test}: declares {proof.route}, which did not answer it with a success"


def _declarations(text: str) -> Iterator[tuple[str, list[str]]]:
    """The names of test functions, each with the arguments of its mark, which must be literals."""
    for function in ast.parse(text).body:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in function.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(attr=name), args=routes) if name == MARK:
                    yield function.name, [ast.literal_eval(route) for route in routes]
