"""The workflows of GitHub Actions, as far as they can be checked without GitHub."""

from __future__ import annotations

import subprocess

from dev.release.tools import ACTIONLINT
from tests.kube import ROOT


def test_the_workflows_are_valid() -> None:
    files = sorted(map(str, (ROOT / ".github/workflows").glob("*.yaml")))
    assert len(files) == 2
    done = subprocess.run([str(ACTIONLINT.path()), *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
