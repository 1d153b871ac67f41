"""The guide to expressions lists what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.expressions import compile_text
from orchestrator.expressions.library import FILTERS, TESTS

GUIDE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text()


def _section(title: str) -> str:
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_guide_lists_every_filter_and_no_other() -> None:
    cells = re.findall(r"^\| (`.*?) \|", _section("Filters"), re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`([a-z]+)", cell)}
    assert listed == set(FILTERS)


def test_the_guide_lists_every_test_and_no_other() -> None:
    assert set(re.findall(r"`([a-z]+)`", _section("Tests"))) == set(TESTS)


@pytest.mark.parametrize("text", re.findall(r"\"[^\"\n]*\$\[\[ vars[^\"\n]*\"", GUIDE))
def test_the_examples_of_the_guide_can_be_read(text: str) -> None:
    assert compile_text(text).references
