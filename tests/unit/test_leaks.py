"""The scan for planted secrets finds them in every form, and a leak fails the session."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus

import pytest

from tests import leaks
from tests.kube import ROOT
from tests.planted import planted

SECRET = planted("leak", "correct horse ")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that the scan at the end of this session does not read."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"a user:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"\xff?user:{SECRET}".encode()).decode(),
    ],
)
def test_a_planted_secret_is_found_in_every_form(text: str, elsewhere: Path) -> None:
    assert leaks.in_text(f"before {text} after")
    (elsewhere / "operator.log").write_text(f"before {text} after")
    (elsewhere / "key").write_text(SECRET)  # no report
    (found,) = leaks.of_reports(elsewhere)
    assert found.startswith(f"{elsewhere}/operator.log: before ")
    with pytest.raises(AssertionError, match="1 planted secrets are where none may be"):
        leaks.check([found])


def test_other_text_is_no_leak(elsewhere: Path) -> None:
    (elsewhere / "log").write_text("correct horse *** " + base64.b64encode(b"user:***").decode())
    (elsewhere / "outputs").write_bytes(b"")
    assert leaks.of_reports(elsewhere) == []


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        ("print(SECRET)", "1 failed"),
        ("(tmp_path / 'log').write_text(SECRET)", "1 passed, 1 error"),
        ("(tmp_path / 'key').write_text(SECRET)", "1 passed in"),
    ],
)
def test_a_leak_fails_the_session(elsewhere: Path, body: str, failed: str) -> None:
    (elsewhere / "conftest.py").write_text(
        "from tests.conftest import no_leaks, pytest_runtest_makereport\n"
    )
    (elsewhere / "pytest.ini").write_text("[pytest]\n")
    (elsewhere / "test_it.py").write_text(
        f"SECRET = {SECRET!r}\ndef test_it(tmp_path):\n    {body}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--basetemp={elsewhere / 'base'}", "test_it.py"],
        cwd=elsewhere,
        env={
            **os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert failed in done.stdout.splitlines()[-1], done.stdout
