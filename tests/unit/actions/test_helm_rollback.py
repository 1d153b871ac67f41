"""helm-rollback, a Template written as YAML alone: the revision that it returns to by a history.

A program in the place of Helm prints the history and records how it is called.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from orchestrator.actions.manifest import handwritten
from tests.action_coverage import record_action

PERMANENT = 65
HELM = """#!/bin/sh
if [ "$1" = history ]; then
  case "$*" in *--max*) cat "$FOLDER/newest" ;; *) cat "$FOLDER/history" ;; esac
else
  echo "$*" > "$FOLDER/call"
fi
"""
BEFORE, AFTER = "2026-11-30T10:00:00.123456789Z", "2026-11-30T14:00:01.5+02:00"
STARTED = "2026-11-30T12:00:00Z"
GOOD = ("superseded", BEFORE, "Install complete")
BAD = ("deployed", AFTER, "u1/upgrade/0")
FIXED = ("deployed", AFTER, "Upgrade complete")
BROKEN = ("failed", AFTER, 'Upgrade "shop" failed: context deadline exceeded: ' + "x " * 90)
UNREADY = ("failed", AFTER, 'Release "shop" failed: context deadline exceeded')
REFUSED = ("superseded", AFTER, 'Rollback "shop" failed: no "x": y')
PENDING = ("pending-rollback", AFTER, "Rollback to 1")
ROLLED_BACK = ("deployed", AFTER, "Rollback to 1")
OLD_ROLLBACK = ("deployed", "2026-11-30T12:30:00+01:00", "Rollback to 1")
UNKNOWN = "does not show whether an earlier attempt rolled it back"


def rollback(
    folder: Path, attempt: int, history: list[tuple[str, str, str]], revision: int = 0
) -> tuple[int, str, str]:
    """The exit code, what the script leaves, and the call of Helm that writes."""
    rows = [
        {
            "app_version": "1.0", "chart": "shop-1.0", "description": description,
            "revision": number, "status": status, "updated": updated,
        }
        for number, (status, updated, description) in enumerate(history, 1)
    ]  # fmt: skip
    (folder / "history").write_text(yaml.safe_dump(rows))
    (folder / "newest").write_text(yaml.safe_dump(rows[-1:]))
    program, outputs = folder / "helm", folder / "outputs"
    program.write_text(HELM)
    program.chmod(0o755)
    environ = {
        "PATH": f"{folder}:{os.environ['PATH']}", "FOLDER": str(folder), "OUTPUTS": str(outputs),
        "ATTEMPT": str(attempt), "NAMESPACE": "shop", "EXECUTION": "u1", "STARTED": STARTED,
        "PARAM_RELEASE": "shop", "PARAM_REVISION": str(revision), "PARAM_WAIT": "true",
        "PARAM_TIMEOUT": "10m",
    }  # fmt: skip
    source = yaml.safe_load(handwritten()["helm-rollback"])["spec"]["action"]["script"]["source"]
    code = subprocess.run(["sh", "-c", source], env=environ, check=False).returncode
    if code == 0:
        record_action("helm-rollback")
    call = folder / "call"
    return code, outputs.read_text(), call.read_text() if call.exists() else ""


@pytest.mark.parametrize(
    ("attempt", "history", "revision"),
    [
        (1, [GOOD, BAD], 1),
        (1, [GOOD, BROKEN, BROKEN], 1),
        (1, [GOOD, BROKEN, BAD], 1),
        (1, [GOOD, BAD, OLD_ROLLBACK], 2),
        (2, [GOOD, BAD], 1),
        (2, [GOOD, BAD, UNREADY], 1),
        (2, [GOOD, BROKEN, PENDING], 1),
        (2, [GOOD, FIXED, PENDING], 1),
        (3, [GOOD, BAD, REFUSED, UNREADY], 1),
        (2, [GOOD, BAD, OLD_ROLLBACK], 2),
    ],
)
def test_revision_0_is_the_last_good_one_before_the_current(
    tmp_path: Path, attempt: int, history: list[tuple[str, str, str]], revision: int
) -> None:
    code, outputs, call = rollback(tmp_path, attempt, history)
    assert (code, call) == (0, f"rollback shop {revision} --timeout 10m --wait\n")
    assert json.loads(outputs)["repeated"] is False


@pytest.mark.parametrize("revision", [0, 1])
def test_a_retry_recognizes_the_rollback_of_an_earlier_attempt(
    tmp_path: Path, revision: int
) -> None:
    code, outputs, call = rollback(tmp_path, 2, [GOOD, BAD, ROLLED_BACK], revision)
    assert (code, json.loads(outputs)["repeated"], call) == (0, True, "")


@pytest.mark.parametrize(
    ("attempt", "history", "words"),
    [
        (2, [GOOD, BAD, ("superseded", *ROLLED_BACK[1:]), FIXED], UNKNOWN),
        (2, [GOOD, BAD, ("superseded", *ROLLED_BACK[1:]), UNREADY], UNKNOWN),
        (2, [GOOD, FIXED], UNKNOWN),
        (1, [BAD], "no earlier revision"),
        (1, [BROKEN, BAD], "no earlier revision"),
    ],
)
def test_without_a_certain_revision_nothing_is_written(
    tmp_path: Path, attempt: int, history: list[tuple[str, str, str]], words: str
) -> None:
    code, message, call = rollback(tmp_path, attempt, history)
    assert (code, words in message, call) == (PERMANENT, True, ""), message
    assert len(message.splitlines()) == 1
