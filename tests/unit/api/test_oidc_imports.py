"""An API without login does not import the libraries of the login."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import orchestrator.api.main, orchestrator.cli.commands.api
print(json.dumps([name for name in ("authlib", "joserfc", "requests") if name in sys.modules]))
"""


def test_libraries_of_the_login_are_imported_only_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=180
    )
    assert json.loads(done.stdout) == []
