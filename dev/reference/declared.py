"""The constants of a module with the docstrings below them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType


def documented(module: ModuleType) -> Iterator[tuple[str, object, str]]:
    """Name, value and docstring of each documented constant, in the order of the module."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in pairwise(body):
        if (
            isinstance(statement, ast.Assign)
            and isinstance(target := statement.targets[0], ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            words = " ".join(following.value.value.split())
            yield target.id, getattr(module, target.id), words
