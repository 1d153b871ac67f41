"""Each action of the catalogue has an example, a page, documented outputs and tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.proof.declared import ROOT, TEMPLATES, Proof, catalogue, declared, undeclared
from dev.proof.run import ALL, Record, Run, incomplete, read_run, unproven, write
from dev.reference.proofs import table_of
from orchestrator.actions.registry import NAMES
from orchestrator.actions.shipped import Shipped, read_all

NAMED = [
    "incident-create", "incident-update", "incident-assign", "incident-escalate",
    "incident-resolve", "deploy-application", "rollback-deployment", "run-tests", "email",
    "slack-message", "sms", "jira-issue", "restart-service", "ssh-command", "run-script",
    "sql-query", "database-backup", "http-request", "transform-data",
]  # fmt: skip
"""Those that every user of such a tool expects."""
ACTIONS = ["email", "sms"]
PROOFS = [
    Proof("email", "Exim", "tests/unit/test_email.py"),
    Proof("sms", "stub", "tests/unit/test_sms.py"),
]
RUN = Run(
    "2026-11-30", "abc", sorted(ALL), tests=2, green=True,
    performed={
        "tests/unit/test_email.py": {"email": True},
        "tests/unit/test_sms.py": {"sms": False},
        "tests/unit/test_other.py": {"sms": True},
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> list[Shipped]:
    found, wrong = read_all(TEMPLATES)
    assert wrong == []
    return found


def test_each_action_is_proven_by_a_test_file() -> None:
    assert list(undeclared(catalogue(), declared())) == []
    assert set(NAMES) < set(catalogue())


def test_the_catalogue_has_the_actions_that_everyone_expects_and_many_more() -> None:
    assert len(NAMED) == 19
    assert set(catalogue()) >= set(NAMED)
    assert len(catalogue()) >= 64


def test_each_action_has_an_example_outputs_and_a_page(shipped: list[Shipped]) -> None:
    page = (ROOT / "docs/reference/actions.md").read_text()
    for action in shipped:
        section = page.partition(f"\n## {action.name}\n")[2].partition("\n## ")[0]
        assert f"metadata: {{name: {action.name}-example}}" in section, action.name
        assert action.spec.outputs, f"{action.name} has no outputs"
        for output in action.spec.outputs:
            assert f"| `{output.name}` |" in section, action.name
            assert output.description, f"{action.name}: {output.name}"


def test_an_action_without_a_test_is_named() -> None:
    assert list(undeclared(ACTIONS, PROOFS)) == []
    (said,) = undeclared([*ACTIONS, "fax"], PROOFS)
    assert said == "fax: no test file has it in PROVES"
    (said,) = undeclared(["email"], PROOFS)
    assert said.endswith("PROVES has sms, which is no action of the catalogue")


def test_a_declaration_is_read_without_importing_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_x.py").write_text('import gone\nPROVES = {"Exim": ["email", "sms"]}\n')
    (folder / "test_y.py").write_text("PROVES_NOTHING = 1\n")
    assert declared(folder) == [
        Proof("email", "Exim", "tests/test_x.py"), Proof("sms", "Exim", "tests/test_x.py"),
    ]  # fmt: skip


def test_what_a_run_did_not_perform_is_named(tmp_path: Path) -> None:
    assert list(unproven(ACTIONS, PROOFS, RUN)) == []
    write(RUN, tmp_path / "run.json")
    assert read_run(tmp_path / "run.json") == RUN
    run = Run(RUN.date, RUN.commit, RUN.suites)
    run.add("tests/unit/test_email.py", {"email": True})
    run.add("tests/unit/test_email.py", {"email": False})
    assert list(unproven(ACTIONS, PROOFS, run)) == [
        "sms: no test performed its example",
        "tests/unit/test_sms.py: declares sms in PROVES, and did not perform it",
    ]


def test_only_a_green_run_of_all_tests_of_a_commit_is_recorded() -> None:
    assert list(incomplete(RUN)) == []
    partial = Run(RUN.date, "", ["tests/unit"], green=False)
    assert list(incomplete(partial)) == [
        "it did not run all of tests/charts, tests/cluster, tests/e2e, tests/simulation",
        "a test failed",
        "the working copy differed from its commit",
    ]


def test_the_table_shows_what_the_record_proves_and_nothing_newer() -> None:
    record = Record("2026-11-30", "0123456789abcdef", 5, ["email"])
    email, sms = table_of(ACTIONS, PROOFS, record).splitlines()[-2:]
    assert email == (
        "| [email](actions.md#email) | notify | Exim | `unit/test_email.py` "
        "| 2026-11-30, `0123456789ab` |"
    )
    assert sms.endswith("| not recorded |")
    assert "No run of all tests is recorded yet" in table_of(ACTIONS, PROOFS, None)


@pytest.mark.parametrize("failing", [False, True])
def test_a_run_of_several_processes_is_recorded(tmp_path: Path, failing: bool) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for suite in ("main", "other"):
        (tmp_path / suite).mkdir()
        (tmp_path / suite / f"test_{suite}.py").write_text(
            "def test_performs(record_property):\n"
            f"    record_property('performed', {{'{suite}': True}})\n"
            "    record_property('answered', ['GET /me'])\n"
            f"    assert not {failing}\n"
        )
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "dev.parallel", "-p", "dev.proof.plugin", "main",
         "--parallel=other"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    run = read_run(tmp_path / "build/tests/run.json")
    assert run
    assert (run.green, run.tests, run.suites) == (not failing, 2, ["main", "other"])
    assert run.answered == {f"{suite}/test_{suite}.py::test_performs": ["GET /me"] for suite in (
        "main", "other")}  # fmt: skip
    assert run.performed == {
        "main/test_main.py": {"main": True}, "other/test_other.py": {"other": True},
    }  # fmt: skip
