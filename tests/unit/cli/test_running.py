"""`run` and `wait`: what is started, what is refused before anything is created."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.models.base import API_VERSION
from tests.unit.cli.conftest import CliEnvironment

SPEC: dict[str, Any] = {
    "variables": [{"name": "count", "type": "integer", "default": 1}],
    "nodes": [{"name": "a", "transform": {"x": "vars.count"}}],
}
BEGAN = "2027-01-15T08:00:00.000Z"


@pytest.fixture
def env(env: CliEnvironment) -> CliEnvironment:
    env.put("Workflow", "w", spec=SPEC)
    return env


def workflow(name: str = "new", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {**SPEC, **spec},
    }


def file(tmp_path: Path, *manifests: dict[str, Any]) -> str:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


def test_a_run_is_the_users_and_may_be_printed(env: CliEnvironment) -> None:
    done = env("run", "w", "--var", "count=3", "--name", "mine", "-o", "json")
    spec = json.loads(done.out)["spec"]
    assert spec == {"workflow": "w", "variables": {"count": 3}, "requester": "ana"}
    assert env("run", "awf/w").out.startswith("workflowexecution/w-")
    path = "jsonpath={.metadata.name}"
    assert env("run", "w", "--name", "other", "-o", path).out == "other"


def test_a_dry_run_checks_everything_and_creates_nothing(env: CliEnvironment) -> None:
    done = env("run", "w", "--dry-run")
    assert done.code == 0
    assert done.out.endswith(" created (dry run)\n")
    assert yaml.safe_load(env("run", "w", "--dry-run", "-o", "yaml").out)["spec"]["workflow"] == "w"
    assert env("run", "w", "--dry-run", "--var", "count=x").code == 2
    assert env("run", "w", "--dry-run", "--watch").code == 2
    assert env.names("WorkflowExecution") == []


def test_a_workflow_that_the_operator_found_invalid_ends_it_at_once(env: CliEnvironment) -> None:
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "InvalidSpec",
        "message": "spec.nodes[0].condition: no",
    }
    judged = [{**ready, "observedGeneration": 1}]
    env.put("Workflow", "w", spec=SPEC, status={"conditions": judged})
    done = env("run", "w")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: Workflow w is not valid, so nothing was started:\n  spec.nodes[0].condition: no\n"
    )
    assert env.names("WorkflowExecution") == []
    # It judged an earlier generation, and by its own rules this one is valid.
    judged = [{**ready, "observedGeneration": 0}]
    env.put("Workflow", "w", spec=SPEC, status={"conditions": judged})
    assert env("run", "w").code == 0


def test_a_workflow_that_was_not_validated_is_validated_here(env: CliEnvironment) -> None:
    env.put("Workflow", "loop", spec={"nodes": [{"name": "a", "condition": "vars.nothing"}]})
    done = env("run", "loop")
    assert done.code == 1
    assert "is not valid, so nothing was started:\n  spec.nodes[0].condition: " in done.err
    assert env.names("WorkflowExecution") == []


def test_a_workflow_that_nothing_starts_is_a_mistake(env: CliEnvironment) -> None:
    env.put("Workflow", "old", spec={**SPEC, "state": "Archived"})
    done = env("run", "old")
    assert (done.code, done.err) == (
        2,
        "error: Workflow old is Archived and cannot be started; set spec.state to Active\n",
    )


def test_a_file_is_applied_and_its_workflow_run(env: CliEnvironment, tmp_path: Path) -> None:
    path = file(tmp_path, workflow())
    done = env("run", "-f", path, "--var", "count=2", "--name", "mine")
    assert done.lines == ["workflow/new created", "workflowexecution/mine"]
    assert env.get("WorkflowExecution", "mine")["spec"]["variables"] == {"count": 2}
    again = env("run", "-f", path, "-o", "name")
    assert again.err == "workflow/new unchanged\n"
    assert len(again.lines) == 1


def test_a_file_in_a_dry_run_stores_nothing(env: CliEnvironment, tmp_path: Path) -> None:
    done = env("run", "-f", file(tmp_path, workflow()), "--dry-run")
    assert done.lines[0] == "workflow/new created (dry run)"
    assert done.lines[1].endswith(" created (dry run)")
    assert env.names("Workflow") == ["w"]


def test_a_file_with_an_execution_is_created(env: CliEnvironment, tmp_path: Path) -> None:
    execution = {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {"generateName": "mine-"},
        "spec": {"workflow": "w"},
    }
    done = env("run", "-f", file(tmp_path, execution))
    assert done.out.startswith("workflowexecution/mine-")
    named = env("run", "-f", file(tmp_path, execution), "--name", "exactly")
    assert named.out == "workflowexecution/exactly\n"


@pytest.mark.parametrize(
    ("manifests", "more", "said"),
    [
        ([workflow("a"), workflow("b")], [], "run takes one Workflow, but the files contain a, b"),
        ([workflow("a")], ["c"], "run takes one Workflow, but the files contain none"),
        ([workflow("a", nodes=[{"name": "x"}])], [], "spec.nodes[0]"),
        ([workflow("a", state="Archived")], [], "is Archived"),
        ([workflow("a")], ["--var", "cuont=1"], "did you mean 'count'?"),
    ],
)
def test_a_file_that_cannot_be_run_starts_nothing(
    env: CliEnvironment, tmp_path: Path, manifests: list[dict[str, Any]], more: list[str], said: str
) -> None:
    done = env("run", "-f", file(tmp_path, *manifests), *more)
    assert done.code == 2
    assert said in done.err
    assert (env.names("Workflow"), env.names("WorkflowExecution")) == (["w"], [])


def test_one_of_several_workflows_is_named(env: CliEnvironment, tmp_path: Path) -> None:
    path = file(tmp_path, workflow("a"), workflow("b"))
    done = env("run", "b", "-f", path, "--name", "mine")
    assert done.lines == ["workflow/a created", "workflow/b created", "workflowexecution/mine"]


# wait


def put(env: CliEnvironment, name: str, phase: str) -> None:
    status = {"phase": phase, "startedAt": BEGAN}
    if phase != "Running":
        status["finishedAt"] = "2027-01-15T08:00:30.000Z"
    env.put("WorkflowExecution", name, spec={"workflow": "w"}, status=status)


def test_wait_ends_with_the_last_and_says_how_each_ended(env: CliEnvironment) -> None:
    put(env, "one", "Running")
    put(env, "two", "TimedOut")
    timer = threading.Timer(0.3, put, (env, "one", "Succeeded"))
    timer.start()
    done = env("wait", "one", "two")
    timer.join()
    assert (done.code, done.lines) == (3, ["one Succeeded after 30s", "two TimedOut after 30s"])


def test_wait_has_a_timeout(env: CliEnvironment) -> None:
    put(env, "one", "Running")
    done = env("wait", "one", "--timeout", "200ms")
    assert (done.code, done.out, done.err) == (124, "", "one is still Running after 200ms\n")


@pytest.mark.parametrize(
    ("phases", "code"), [(("Succeeded", "Succeeded"), 0), (("Succeeded", "Failed"), 1)]
)
def test_several_are_watched_at_once(
    env: CliEnvironment, phases: tuple[str, str], code: int
) -> None:
    for name, phase in zip(("one", "two"), phases, strict=True):
        put(env, name, phase)
    done = env("watch", "one", "two")
    assert done.code == code
    assert f"one {phases[0]} after 30s" in done.lines
    assert f"two {phases[1]} after 30s" in done.lines


def test_lines_of_several_say_whose_they_are(env: CliEnvironment) -> None:
    record = {"phase": "Succeeded", "startedAt": BEGAN, "finishedAt": BEGAN}
    for name in ("one", "two"):
        status = {"phase": "Succeeded", "startedAt": BEGAN, "finishedAt": BEGAN}
        status["nodes"] = {"a": record}  # type: ignore[assignment]
        env.put("WorkflowExecution", name, spec={"workflow": "w"}, status=status)
    lines = env("watch", "one", "two").lines
    assert sum(line.startswith("one | ") for line in lines) == 1
    assert sum(line.startswith("two | ") for line in lines) == 1


def test_after_a_failure_the_next_commands_are_said(env: CliEnvironment) -> None:
    put(env, "one", "Failed")
    assert env("watch", "one").err == "logs: orchestrator -n default logs --failed one\n"
