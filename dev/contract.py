"""Checks the contract: every test that it names exists, and none of them is skipped."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "docs" / "explanation" / "contract.md"
_NAMED = re.compile(r"`([a-z0-9_/]+)\.py::(test_[a-z0-9_]+)`")
_SKIPPING = ("skip", "skipif", "xfail")


def problems(text: str) -> list[str]:
    """What is wrong with the page, one line each."""
    found = [_wrong(path, name) for path, name in _NAMED.findall(text)]
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    unproven = [
        f"this promise names no test: {line.split('|')[1].strip()}"
        for line in lines
        if not _NAMED.search(line) and "| Test" not in line
    ]
    return [problem for problem in found if problem] + unproven


def _wrong(path: str, name: str) -> str:
    tests = _tests(f"{path}.py")
    if name not in tests:
        return f"tests/{path}.py has no test {name}"
    return f"tests/{path}.py::{name} is skipped" if tests[name] else ""


@cache
def _tests(path: str) -> dict[str, bool]:
    """The tests of a file, and whether each is skipped."""
    file = ROOT / "tests" / path
    if not file.exists():
        return {}
    return {
        node.name: any(_skips(decorator) for decorator in node.decorator_list)
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _skips(decorator: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr in _SKIPPING for part in ast.walk(decorator)
    )


def main() -> int:
    """The exit code: 1 when the page names what is not there."""
    found = problems(CONTRACT.read_text())
    for problem in found:
        print(f"docs/explanation/contract.md: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
