"""What test files declare in PROVES."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
TEMPLATES = ROOT / "manifests" / "catalog" / "actions"
NAME = "PROVES"


@dataclass(frozen=True)
class Proof:
    """What one test file proves of an action."""

    action: str
    counterpart: str
    """What the action has to do with in the tests: real PostgreSQL, strict stub of Slack."""
    file: str
    """Path of the test file in the project."""


def catalogue(folder: Path = TEMPLATES) -> list[str]:
    """The names of all shipped actions."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def declared(folder: Path = TESTS) -> list[Proof]:
    """The declarations of all test files, sorted by action and file."""
    found = [
        Proof(action, counterpart, path.relative_to(folder.parent).as_posix())
        for path in sorted(folder.rglob("test_*.py"))
        for counterpart, actions in _declarations(path).items()
        for action in actions
    ]
    return sorted(found, key=lambda proof: (proof.action, proof.file))


def undeclared(actions: Sequence[str], proofs: Sequence[Proof]) -> Iterator[str]:
    """Actions that no test file proves, and declarations without an action."""
    proven = {proof.action for proof in proofs}
    for action in sorted(set(actions) - proven):
        yield f"{action}: no test file has it in {NAME}"
    for proof in proofs:
        if proof.action not in actions:
            yield f"{proof.file}: {NAME} has {proof.action}, which is no action of the catalogue"
        if not proof.counterpart.strip():
            yield f"{proof.file}: {NAME} must say what {proof.action} is tested against"


def _declarations(path: Path) -> Mapping[str, Sequence[str]]:
    """The value of PROVES in a file, which must be a literal; the file is not imported."""
    text = path.read_text(encoding="utf-8")
    if NAME not in text:
        return {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == NAME for target in node.targets
        ):
            value: dict[str, list[str]] = ast.literal_eval(node.value)
            return value
    return {}
