"""No circle of imports between files, those for types alone included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.kube import ROOT

SOURCE = ROOT / "operator"


def _modules(folder: Path) -> dict[str, Path]:
    found = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imported(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and (module := node.module) in modules:
            names = (f"{module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules else str(module) for name in names)


def circle(folder: Path) -> list[str]:
    """Modules that import each other in a circle; empty where there are none."""
    modules = _modules(folder)
    graph = {name: set(_imported(path, modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [*error.args[1]]
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(SOURCE) == []


@pytest.mark.parametrize("typing", ["", "    "])
def test_a_circle_is_found_even_where_it_is_for_types_alone(tmp_path: Path, typing: str) -> None:
    guard = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n" if typing else ""
    (tmp_path / "one.py").write_text(f"{guard}{typing}from two import b\n")
    (tmp_path / "two.py").write_text("import one\n")
    assert sorted(set(circle(tmp_path))) == ["one", "two"]
