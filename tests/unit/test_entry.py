"""How the program starts: an action in a small pod loads nothing that it does not use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def loaded(folder: Path, name: str, parameters: dict[str, object]) -> set[str]:
    """The modules that are loaded once an action has run."""
    modules = folder / "modules"
    code = (
        "import atexit, sys\n"
        "path = sys.argv.pop()\n"
        "atexit.register(lambda: open(path, 'w').write('\\n'.join(sys.modules)))\n"
        "from orchestrator.entry import main\n"
        "main()\n"
    )
    environ = {**os.environ, "PARAMS": json.dumps(parameters), "OUTPUTS": str(folder / "outputs")}
    command = [sys.executable, "-c", code, "action", name, str(modules)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(modules.read_text().split())


def test_an_action_loads_itself_and_no_command_line(tmp_path: Path) -> None:
    found = loaded(tmp_path, "run-script", {"script": "true"})
    assert "orchestrator.actions.infrastructure.run_script" in found
    ours = {name for name in found if name.startswith("orchestrator.actions.")}
    assert not {name for name in ours if name.rpartition(".")[2] in ("incidents", "http_request")}
    slow = {"requests", "urllib3", "typer", "kubernetes", "jinja2", "difflib"}
    assert not found & {*slow, "orchestrator.cli.main", "orchestrator.controller"}


@pytest.mark.parametrize("words", [["action"], ["action", "--help"], ["action", "no-such", "x"]])
def test_anything_but_an_action_by_name_is_the_command_lines(words: list[str]) -> None:
    command = [sys.executable, "-m", "orchestrator", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "Usage" in done.stdout + done.stderr
