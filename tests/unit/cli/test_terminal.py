"""Nothing that others wrote is obeyed by the terminal of who reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orchestrator.cli
from orchestrator.cli.printing import read_format
from orchestrator.cli.tables import print_table
from orchestrator.cli.terminal import colours_only, say, say_log, to_json
from orchestrator.models.plain_text import HIDDEN, plain_text

OWNED = "\x1b]0;OWNED\x07\x1b[2J\x1b[1;31mall nodes Succeeded\x1b[0m\x1b]52;c;cm0gLXJmIC8=\x07"
HIDDEN_TEXT = f"{OWNED}\x9b2J\x7f\x08\rb\u202eevil\u2066\u200f\u061c"
TEXT = st.text() | st.text(st.sampled_from(HIDDEN_TEXT + "\n\t é🚀"))


@given(TEXT)
def test_plain_text_keeps_everything_but_what_is_hidden(text: str) -> None:
    plain = plain_text(text)
    assert not HIDDEN.search(plain)
    kept = HIDDEN.sub("", text.replace("\r\n", "\n"))
    assert plain.replace("\ufffd", "") == kept.replace("\ufffd", "")
    assert plain_text(plain) == plain


@given(TEXT)
def test_json_is_exact_and_shows_nothing_hidden(text: str) -> None:
    printed = to_json({text: [text]})
    assert json.loads(printed) == {text: [text]}
    assert not HIDDEN.search(printed)


def test_what_is_said_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    say(HIDDEN_TEXT, "\udcff", end="\n\n")
    print_table(["Name"], [[HIDDEN_TEXT], ["line\ttab"]])
    assert not HIDDEN.search(capsys.readouterr().out)


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_objects_stay_exact_as_json_and_yaml(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    from orchestrator.formats.yaml_json import read_yaml

    raw: dict[str, Any] = {"kind": "Workflow", "metadata": {"name": "w"}, "x": HIDDEN_TEXT}
    read_format(output).show(raw)
    printed = capsys.readouterr().out
    assert list(read_yaml(printed)) == [raw]
    assert not HIDDEN.search(printed)


def test_a_log_keeps_its_colours_at_a_terminal_and_is_exact_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say_log(HIDDEN_TEXT)
    assert capsys.readouterr().out == f"{HIDDEN_TEXT}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    say_log(f"\x1b[32mok\x1b[0m {OWNED}")
    shown = capsys.readouterr().out
    assert shown.startswith("\x1b[32mok\x1b[0m ")
    assert shown.endswith("\x1b[0m\n")
    assert not HIDDEN.search(re.sub("\x1b\\[[0-9;:]*m", "", shown))


@given(TEXT)
def test_only_colours_are_left_of_any_line(line: str) -> None:
    assert not HIDDEN.search(re.sub("\x1b\\[[0-9;:]*m", "", colours_only(line)))


def test_every_command_prints_through_say() -> None:
    folder = Path(orchestrator.cli.__file__).parent
    printing = [
        path.name
        for path in folder.rglob("*.py")
        if path.name != "terminal.py" and re.search(r"(?<![\w.])print\(", path.read_text())
    ]
    assert printing == []
