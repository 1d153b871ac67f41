"""Suites in parallel: one session with one summary, in which nothing that went wrong is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kube import ROOT

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert 1 == 2, 'the words of a failure'\n"
SKIPPED = "import pytest\n@pytest.mark.skip(reason='not here')\ndef test_skipped(): pass\n"
SLOW = "import time\ndef test_slow(): time.sleep(60)\n"


def dies(code: int) -> str:
    """A test that ends its process."""
    return f"import os\ndef test_dies(): print('last words', flush=True); os._exit({code})\n"


def run(folder: Path, *options: str, **suites: str) -> tuple[int, list[str]]:
    """Exit code and output of a session with the suite `main`, and the others beside it."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    for name, text in suites.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"test_{name}.py").write_text(text)
    beside = [f"--{'background' if name == 'b' else 'parallel'}={name}" for name in suites]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "dev.parallel", "main", *beside[1:], *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_one_summary_counts_the_tests_of_all_processes(tmp_path: Path) -> None:
    code, output = run(tmp_path, main=PASSES, a=PASSES + SKIPPED, b=PASSES)
    assert code == 0
    assert "3 passed, 1 skipped in" in output[-1]
    assert any("not here" in line for line in output)


def test_a_failure_elsewhere_is_reported_whole_and_fails_the_session(tmp_path: Path) -> None:
    code, output = run(tmp_path, "--junitxml=report.xml", main=PASSES, b=PASSES + FAILS)
    assert code == 1
    assert "1 failed, 2 passed in" in output[-1]
    assert any("AssertionError: the words of a failure" in line for line in output)
    assert 'tests="3"' in (tmp_path / "report.xml").read_text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PASSES + dies(7), "ended with exit code 7"),
        (PASSES + dies(0), "ended after 1 of 2 tests"),
        ("import no_such_module", "ended with exit code 2"),
        ("", "has no test"),
        ("import os\ndef test_dies(): os.kill(os.getpid(), 9)\n", "ended with exit code -9"),
    ],
    ids=["exits", "exits as if all were well", "not importable", "without tests", "killed"],
)
def test_a_process_that_breaks_off_is_a_failure_with_its_output(
    tmp_path: Path, text: str, why: str
) -> None:
    code, output = run(tmp_path, main=PASSES, a=text)
    assert code == 1
    assert "1 failed" in output[-1]
    assert any(f"pytest a {why}; its output:" in line for line in output)
    assert any("platform" in line for line in output[10:])


def test_the_first_failure_ends_all_where_that_is_asked(tmp_path: Path) -> None:
    code, output = run(tmp_path, "-x", main=FAILS, a=SLOW)
    assert code == 1
    assert "1 failed in" in output[-1]


WAITS = """
import pathlib, time
def test_waits_for_another_process():
    pathlib.Path(%r).touch()
    until = time.monotonic() + 30
    while not pathlib.Path(%r).exists():
        assert time.monotonic() < until
        time.sleep(0.05)
"""


@pytest.mark.parametrize("split", [1, 2, 3])
def test_every_file_of_the_main_suite_is_run_once_by_whichever_process_is_free(
    tmp_path: Path, split: int
) -> None:
    (tmp_path / "main").mkdir()
    for name in "pqrs":
        (tmp_path / "main" / f"test_{name}.py").write_text(PASSES + FAILS)
    # Each waits for the other: two processes run them at the same time. A process claims its next
    # file before the last test of the one before.
    for name, other in (("t", "u"), ("u", "t")):
        text = WAITS % (name, other)
        (tmp_path / "main" / f"test_{name}.py").write_text(text + PASSES)
    code, output = run(tmp_path, f"--split={split}", main=PASSES + SKIPPED, a=PASSES)
    assert code == 1
    assert "4 failed, 10 passed, 1 skipped in" in output[-1]


def test_options_reach_every_process(tmp_path: Path) -> None:
    code, output = run(tmp_path, "-k", "passes", main=PASSES + FAILS, a=PASSES + FAILS)
    assert code == 0
    assert "2 passed, 1 deselected in" in output[-1]
