"""Every reason is documented, used, and written as a member of its enum everywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import EventReason, Reason
from orchestrator.models.workflow import Backoff, RetryReason

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "operator" / "orchestrator"
DEFINED = SOURCES / "models" / "reasons.py"
ALL: list[Reason | EventReason] = [*Reason, *EventReason]
AMBIGUOUS = {
    Backoff.__name__,
    *(str(word) for words in (DesiredState, ExecutionPhase, NodePhase) for word in words),
    *(str(word) for word in RetryReason),
}
"""Reasons that are phases or models too: only what is compared with or given as a reason is one."""


@cache
def _parsed(folder: Path) -> dict[Path, ast.Module]:
    files = (file for file in folder.rglob("*.py") if file != DEFINED)
    return {file: ast.parse(file.read_text()) for file in files}


def _named(enum: type[Reason | EventReason], folder: Path) -> set[str]:
    """The members of an enum that are named in a folder's code."""
    return {
        node.attr
        for module in _parsed(folder).values()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == enum.__name__
    }


def _texts(node: ast.AST) -> Iterator[ast.Constant]:
    """The string literals under a node, apart from those that define another vocabulary."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id == "StrEnum" for base in child.bases
        ):
            continue
        if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "__all__":
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        yield from _texts(child)


def _given_as_reasons(module: ast.Module) -> Iterator[ast.expr]:
    """What is compared with or passed as a reason of ours."""
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "reason":
            yield node.value
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("record.reason"):
            yield from node.comparators


def _literals(module: ast.Module) -> Iterator[tuple[int, str]]:
    values = {str(reason) for reason in ALL}
    for text in _texts(module):
        if text.value in values - AMBIGUOUS:
            yield text.lineno, str(text.value)
    for given in _given_as_reasons(module):
        if isinstance(given, ast.Constant) and given.value in values:
            yield given.lineno, str(given.value)


def test_no_reason_is_written_as_a_literal() -> None:
    pods = SOURCES / "actions" / "kubernetes"
    kubernetes = {SOURCES / "kube" / "protobuf_decoder.py", pods / "rollouts.py", pods / "jobs.py"}
    # These compare reasons and messages of Kubernetes' own.
    found = [
        f"{file.relative_to(ROOT)}:{line}: {value}"
        for file, module in _parsed(SOURCES).items()
        if file not in kubernetes
        for line, value in _literals(module)
    ]
    assert found == []


def test_a_literal_would_be_found() -> None:
    code = 'fail(node, "RepeatLimit")\nended = replace(record, reason="Failed")\nphase = "Failed"\n'
    assert list(_literals(ast.parse(code))) == [(1, "RepeatLimit"), (2, "Failed")]


@pytest.mark.parametrize("enum", [Reason, EventReason])
def test_every_reason_is_given_somewhere(enum: type[Reason | EventReason]) -> None:
    assert {reason.name for reason in enum} - _named(enum, SOURCES) == set()


def test_a_test_reaches_every_reason() -> None:
    texts = {
        text.value
        for file, module in _parsed(ROOT / "tests").items()
        if file != Path(__file__)
        for text in _texts(module)
    }
    missed = {
        str(reason)
        for enum in (Reason, EventReason)
        for reason in enum
        if str(reason) not in texts and reason.name not in _named(enum, ROOT / "tests")
    }
    assert missed == set()


@pytest.mark.parametrize("reason", ALL)
def test_a_reason_is_named_as_it_is_stored_and_says_what_to_do(reason: Reason) -> None:
    assert reason.name == re.sub(r"(?<!^)(?=[A-Z])", "_", reason.value).upper()
    for text in (reason.meaning, reason.remedy):
        assert re.fullmatch(r"[A-Z`].*\.", text, re.DOTALL)
        assert len(re.findall(r"\.(?: |$)", text)) <= 2
