"""The program: its commands, its help, its version and what a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import commands
from orchestrator.cli.commands.registry import COMMANDS, OF_OTHERS
from orchestrator.cli.main import load
from tests.kube import ROOT
from tests.unit.cli.conftest import CliEnvironment

FOLDER = Path(commands.__file__).parent


def test_each_file_is_a_command_and_each_command_has_a_file() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "registry"}
    assert files == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_describes_itself_and_all_its_options(name: str) -> None:
    waiting = [load(name)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        assert command.help
        undescribed = [option.name for option in command.params if not getattr(option, "help", "")]
        assert not undescribed


def test_help_lists_the_commands_and_imports_none_of_them() -> None:
    code = (
        "import sys\nsys.argv = ['orchestrator', '--help']\n"
        "from orchestrator.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print([name for name in ('kubernetes', 'pydantic', 'rich.console', 'jinja2',"
        " 'orchestrator.cli.commands.run') if name in sys.modules])"
    )
    done = run_python(code)
    assert done.splitlines()[-1] == "[]"
    assert "  rerun       Run an ended execution again" in done


def run_python(code: str, **environ: str) -> str:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "operator"), **environ}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_the_version_is_an_option_and_a_command(env: CliEnvironment) -> None:
    assert env("--version").out == env("version").out
    assert env("version").out[0].isdigit()


def test_an_unknown_command_is_answered_with_the_nearest(env: CliEnvironment) -> None:
    done = env("aply")
    assert done.code == 2
    assert "Did you mean 'apply'?" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("describe", "awfx", "a"), "No such command 'describe'. Did you mean 'explain'?"),
        (("submit", "a"), "No such command 'submit'. Did you mean 'run'?"),
        (("trigger", "list"), "`orchestrator get triggers` shows Triggers."),
    ],
)
def test_a_command_of_another_program_is_answered_with_ours(
    env: CliEnvironment, words: tuple[str, ...], said: str
) -> None:
    done = env(*words)
    assert done.code == 2
    assert said in done.err


def test_the_words_of_other_programs_are_no_commands_here() -> None:
    assert not OF_OTHERS.keys() & COMMANDS.keys()
    assert set(OF_OTHERS.values()) <= COMMANDS.keys()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script(env: CliEnvironment, shell: str) -> None:
    done = env("completion", shell)
    assert done.code == 0
    assert "_ORCHESTRATOR_COMPLETE=complete_" + shell in done.out


@pytest.fixture
def completed(env: CliEnvironment, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What bash is offered after some words."""

    def complete(words: str) -> list[str]:
        line = f"orchestrator --kubeconfig {env.kubeconfig} {words}"
        monkeypatch.setenv("_ORCHESTRATOR_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return env.alone().out.split()

    return complete


def test_commands_options_kinds_and_names_are_completed(
    env: CliEnvironment, completed: Callable[[str], list[str]]
) -> None:
    env.put("Workflow", "restart", spec={})
    nodes = {"check": {"phase": "Succeeded"}, "confirm": {"phase": "Waiting"}}
    env.put("WorkflowExecution", "restart-1", spec={"workflow": "w"}, status={"nodes": nodes})
    env.put("WorkflowExecution", "elsewhere-1", "shop", spec={"workflow": "w"})
    assert completed("re") == ["resume", "rerun", "reject", "restore", "receiver", "recorder"]
    assert "--field-selector" in completed("get --")
    assert completed("get workf") == ["workflows", "workflowexecutions"]
    assert completed("get awf/r") == ["awf/restart"]
    assert completed("get awf r") == ["restart"]
    assert completed("run r") == ["restart"]
    assert completed("watch ") == ["restart-1", "@latest"]
    assert completed("watch -n shop ") == ["elsewhere-1", "@latest"]
    assert completed("approve restart-1 c") == ["check", "confirm"]
    assert completed("get awf -o j") == ["json", "jsonpath="]


def test_completion_offers_nothing_where_no_cluster_answers(
    env: CliEnvironment, completed: Callable[[str], list[str]]
) -> None:
    env.kubeconfig.write_text("clusters: {")
    assert completed("run ") == []
