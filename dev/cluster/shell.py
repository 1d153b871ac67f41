"""Run other programs, with errors of one line instead of tracebacks."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dev.cluster.errors import ClusterError

_SYSTEM = ("/usr/local/go/bin", "/usr/sbin", "/sbin", "/usr/lib/cni")  # not on everyone's PATH


def environment(**extra: str) -> dict[str, str]:
    """The environment for programs we start: ours, with the system folders on its PATH."""
    path = os.pathsep.join([os.environ.get("PATH", "/usr/bin:/bin"), *_SYSTEM])
    return {**os.environ, "PATH": path, **extra}


def which(program: str) -> str | None:
    """The full path of a program, system folders included."""
    return shutil.which(program, path=environment()["PATH"])


def run(*argv: str | Path, check: bool = True, text: str | None = None) -> str:
    """Run a program to its end and return what it printed.

    Raises ClusterError with its last line of complaint when it fails and `check` is set.
    """
    command = [str(part) for part in argv]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, env=environment(), check=False
        )
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is not installed") from None
    if check and done.returncode != 0:
        raise ClusterError(f"{' '.join(command[:6])} failed: {last_line(done.stderr)}")
    return done.stdout


def last_line(output: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a program is there and ends well."""
    try:
        return (
            subprocess.run(argv, capture_output=True, env=environment(), check=False).returncode
            == 0
        )
    except FileNotFoundError:
        return False
