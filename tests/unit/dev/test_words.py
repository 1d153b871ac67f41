"""The check of words: it finds them in prose, strings and names, and nothing in good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.words import files, findings, main


def found(tmp_path: Path, name: str, text: str) -> list[tuple[int, str]]:
    file = tmp_path / name
    file.write_text(text)
    return [(finding.line, finding.word) for finding in findings(file)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("page.md", "Fine.\nThe operator looks at it.\n", [(2, "looks at")]),
        ("code.py", '"""Fine.\n\nSomebody changed it.\n"""\n', [(3, "Somebody")]),
        ("code.py", 'say("it goes to strays")  # no news\n', [(1, "strays"), (1, "news")]),
        ("page.md", "It waits for ever for whoever asks.\n", [(1, "whoever"), (1, "for ever")]),
        (
            "code.py",
            "def look_at(node: str) -> None:\n    PATIENCE = 3\n",
            [(1, "look"), (2, "PATIENCE")],
        ),
        (
            "code.py",
            '"""What is known of a node."""\nLONGEST_NAME = judged = BudgetUsedUpError = 3\n',
            [(1, "What is known of"), (2, "LONGEST"), (2, "judged"), (2, "UsedUp")],
        ),
        ("code.py", "lookup = overlook = retold = 3  # reconciles, reports an event\n", []),
    ],
)
def test_a_word_with_a_better_one_is_found(
    tmp_path: Path, name: str, text: str, expected: list[tuple[int, str]]
) -> None:
    assert found(tmp_path, name, text) == expected


def test_the_code_uses_the_words_of_the_field() -> None:
    assert [str(finding) for file in files() for finding in findings(file)] == []


def test_a_finding_says_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text("a stray Job\n")
    assert main([str(tmp_path / "page.md")]) == 1
    assert "page.md:1: 'stray': write orphan" in capsys.readouterr().err
