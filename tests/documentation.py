"""The pages of the documentation as a reader types them: files to save, commands, what they print.

A `yaml` or `python` block after "Save this as `NAME`" (or "Replace `NAME`") becomes that file. An
`sh` block is run as it stands; `sh exit=N` says with which code it ends. A `text` block after
commands is what they print: its lines appear in this order, `…` stands for anything, and durations
differ.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kube import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("tutorial/*.md"), *DOCS.glob("how-to/*.md")])
TIMEOUT = 300.0
"""Seconds that the commands of one block may take."""
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:Save this as|Replace) `([a-z-]+\.(?:yaml|py))`")
_DURATION = re.compile(r"(?<![\w.])<?\d+(?:\.\d+)?(?:ms|s|m|h)(?:\d+(?:\.\d+)?[sm])*\b")


@dataclass(frozen=True)
class File:
    """A file that the reader saves."""

    name: str
    text: str


@dataclass(frozen=True)
class Commands:
    """Commands that the reader types at once, how they end, and what they print."""

    line: int
    text: str
    exit_code: int = 0
    printed: str = ""


def steps(page: str) -> list[File | Commands]:
    """What a page has its reader do, in order. Raises ValueError for a block of another kind."""
    found: list[File | Commands] = []
    end = 0
    for block in _FENCE.finditer(page):
        language, _, options = block[1].partition(" ")
        before, line = page[end : block.start()], page.count("\n", 0, block.start()) + 1
        end = block.end()
        match language:
            case "{toctree}":
                pass
            case "yaml" | "python" if names := _NAMED.findall(before):
                found.append(File(names[-1], block[2]))
            case "sh":
                found.append(Commands(line, block[2], _exit_code(options, line)))
            case "text" if found and isinstance(last := found[-1], Commands) and not last.printed:
                found[-1] = Commands(last.line, last.text, last.exit_code, block[2])
            case _:
                raise ValueError(
                    f"line {line}: a `{block[1]}` block that is neither saved nor typed"
                )
    return found


def _exit_code(options: str, line: int) -> int:
    if not options:
        return 0
    code = re.fullmatch(r"exit=(\d+)", options)
    if code is None:
        raise ValueError(f"line {line}: `{options}` is no exit=N")
    return int(code[1])


def play(page: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Do what the page says, in a folder; an AssertionError names the line that went wrong."""
    for step in steps(page.read_text()):
        match step:
            case File(name, text):
                (folder / name).write_text(text)
            case Commands():
                _run(step, page.name, folder, environ)


def _run(step: Commands, page: str, folder: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step.text],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    told = f"{page}, line {step.line}: exit code {done.returncode}\n{step.text}{done.stdout}"
    assert done.returncode == step.exit_code, told
    assert is_printed(step.printed, done.stdout), f"{told}\nbut the page says\n{step.printed}"


def is_printed(expected: str, actual: str) -> bool:
    """Whether the lines appear in this order, whatever is before, between and after them."""
    pattern = ".*".join(_patterns(expected))
    return re.search(pattern, _settled(actual), re.DOTALL) is not None


def _patterns(expected: str) -> Iterator[str]:
    for line in _settled(expected).splitlines():
        yield "[^\n]*".join(re.escape(part) for part in line.strip().split("…"))


def _settled(text: str) -> str:
    """The text without what differs from run to run: durations, and the width of columns."""
    return re.sub(r"[ \t]+", " ", _DURATION.sub("0s", text))
