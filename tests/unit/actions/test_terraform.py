"""terraform-plan and terraform-apply, Templates of YAML alone, with a store of states with locks.

The scripts run with a strict stub of the program `tofu`, since OpenTofu takes minutes to
build. `ITW_TOFU=/path/to/tofu` runs the same tests with a real OpenTofu; they passed with 1.12.6
on 2026-11-30.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from tests.actions import ScriptRun
from tests.examples import example
from tests.kube import ROOT, eventually
from tests.runner import Ended
from tests.vendors.statestore import PASSWORD, USER, StateStore
from tests.vendors.stub import Fault

PROVES = {
    "its script, with a strict stub of tofu (by hand with OpenTofu), and a store of states": [
        "terraform-plan",
        "terraform-apply",
    ]
}

PERMANENT, RETRY, USAGE = 65, 1, 64
CREDENTIALS = f"# of the backend\nTF_HTTP_USERNAME={USER}\n\nTF_HTTP_PASSWORD={PASSWORD}\n"
LITERAL = '${1 + 1} "quoted" \\ ü'
TRICKY = {"change": {"actions": ["create"]}, "text": '{"actions": ["delete"], \\"'}
"""Looks like what the script counts."""


@pytest.fixture
def store() -> Iterator[StateStore]:
    with StateStore() as started:
        yield started


@pytest.fixture
def terraform(store: StateStore, tmp_path: Path) -> ScriptRun:
    programs = tmp_path / "bin"
    programs.mkdir()
    if real := os.environ.get("ITW_TOFU"):
        (programs / "tofu").symlink_to(real)
    else:
        command = f'#!/bin/sh\nexec {sys.executable} -I -S {ROOT}/tests/tofu.py "$@"\n'
        (programs / "tofu").write_text(command)
        (programs / "tofu").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    action = ScriptRun(tmp_path, path, {"environment": CREDENTIALS}, {"path": "infrastructure"})
    configure(action, store, a={"input": "1"}, b={"input": "2"})
    return action


def configure(action: ScriptRun, store: StateStore | None, **resources: Any) -> None:
    """Write the root module: resources of terraform_data."""
    write(action, {
        "terraform": {"backend": {"http": store.backend()}} if store else {},
        "resource": {"terraform_data": resources},
    })  # fmt: skip


def write(action: ScriptRun, content: dict[str, Any]) -> None:
    folder = action.folder / "workspace/infrastructure"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.tf.json").write_text(json.dumps(content))


def plan(action: ScriptRun, **parameters: Any) -> Ended:
    return action("terraform-plan", **parameters)


def apply(action: ScriptRun, planned: Ended, **parameters: Any) -> Ended:
    assert planned.code == 0, planned.message
    return action("terraform-apply", sha256=planned.outputs["sha256"], **parameters)


def counts(ended: Ended) -> tuple[int, int, int]:
    """How many resources are added, changed and destroyed."""
    assert ended.code == 0, ended.message
    return ended.outputs["add"], ended.outputs["change"], ended.outputs["destroy"]


def test_a_plan_is_applied_and_the_next_one_has_no_changes(
    terraform: ScriptRun, store: StateStore, capfd: pytest.CaptureFixture[str]
) -> None:
    write(terraform, {
        "terraform": {"backend": {"http": {}}},
        "variable": {
            "name": {"type": "string"},
            "password": {"type": "string", "sensitive": True},
        },
        "resource": {"terraform_data": {
            "a": {"input": "${var.name}"}, "b": {"input": TRICKY},
        }},
        "output": {
            "name": {"value": "${terraform_data.a.output}"},
            "password": {"value": "${var.password}", "sensitive": True},
            "large": {"value": "x" * 4000},
        },
    })  # fmt: skip
    action = replace(
        terraform, secrets={"environment": f"{CREDENTIALS}TF_VAR_password=pass-s3cr3t"}
    )
    given = {"variables": {"name": LITERAL}, "backendConfig": store.backend()}
    planned = plan(action, **given)
    assert (planned.code, planned.outputs["changes"]) == (0, True), planned.message
    assert (counts(planned), planned.outputs["plan"]) == ((2, 0, 0), "terraform.plan")
    assert store.state is None, "a plan changes nothing"
    applied = apply(action, planned)
    assert counts(applied) == (2, 0, 0)
    assert applied.outputs["outputs"] == {"name": LITERAL}
    assert sorted(applied.outputs["omitted"]) == ["large", "password"]
    assert (store.state is not None, store.lock) == (True, None)
    again = apply(action, planned)
    assert again.outputs == {**applied.outputs, "repeated": True}
    planned = plan(action, **given)
    assert (planned.outputs["changes"], counts(planned)) == (False, (0, 0, 0))
    assert counts(apply(action, planned)) == (0, 0, 0)
    assert "s3cr3t" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "command",
    ["init -backend-config=missing.json", "plan -auto-approve", "apply -detailed-exitcode",
     "apply a b", "plan -lock-timeout=5"],
)  # fmt: skip
def test_the_program_refuses_what_is_not_its_interface(terraform: ScriptRun, command: str) -> None:
    ended = subprocess.run(
        [str(terraform.folder / "bin/tofu"), *command.split()],
        cwd=terraform.folder / "workspace/infrastructure",
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.strip() != "") == (1, True)


def test_the_example_runs(terraform: ScriptRun, store: StateStore) -> None:
    write(terraform, {
        "terraform": {"backend": {"http": store.backend()}},
        "variable": {"replicas": {"type": "number"}},
        "resource": {"terraform_data": {"web": {"input": "${var.replicas}"}}},
    })  # fmt: skip
    secret: dict[str, Any] = {"environment": None}
    (given,) = example("terraform-plan")
    planned = plan(terraform, **{**given, **secret})
    (given,) = example("terraform-apply", sha256=planned.outputs["sha256"])
    ended = terraform("terraform-apply", **{**given, **secret})
    assert counts(ended) == (1, 0, 0)


def test_changes_replacements_and_destructions_are_counted(
    terraform: ScriptRun, store: StateStore
) -> None:
    def configured(**resources: Any) -> tuple[int, int, int]:
        configure(terraform, store, **resources)
        return counts(apply(terraform, plan(terraform)))

    first = {"a": {"input": "1"}, "b": {"input": "1", "triggers_replace": "1"}, "c": {"input": "1"}}
    assert configured(**first) == (3, 0, 0)
    then = {"a": {"input": "2"}, "b": {"input": "1", "triggers_replace": "2"}}
    assert configured(**then) == (1, 1, 2)
    assert counts(apply(terraform, plan(terraform, destroy=True))) == (0, 0, 2)


def test_no_plan_is_applied_but_the_approved_one(terraform: ScriptRun, store: StateStore) -> None:
    approved = plan(terraform)
    configure(terraform, store, a={"input": "other"})
    other = plan(terraform)
    ended = apply(terraform, approved)
    assert ended.code == PERMANENT
    sha256 = approved.outputs["sha256"]
    assert ended.message.strip() == (
        f"terraform.plan is not the plan with the SHA-256 {sha256}; it is not applied"
    )
    assert store.state is None
    second = plan(terraform, plan="plans/second")
    assert counts(apply(terraform, other)) == (1, 0, 0)
    ended = apply(terraform, second, plan="plans/second")
    assert (ended.code, "Saved plan is stale" in ended.message) == (PERMANENT, True), ended.message
    ended = terraform("terraform-apply", sha256=sha256, plan="missing")
    assert (ended.code, "there is no missing in the workspace" in ended.message) == (65, True)


def test_a_locked_state_is_retried(terraform: ScriptRun, store: StateStore) -> None:
    planned = plan(terraform)
    store.lock = {"ID": "held-by-ana", "Operation": "OperationTypeApply", "Who": "ana"}
    for ended in (
        plan(terraform, plan="other", lockTimeout="0s"),
        apply(terraform, planned, lockTimeout="0s"),
    ):
        assert (ended.code, "acquiring the state lock" in ended.message) == (RETRY, True)
        assert "held-by-ana" in ended.message
    store.lock = None
    assert counts(apply(terraform, planned)) == (2, 0, 0)


def test_a_failure_after_the_change_has_begun_is_permanent(
    terraform: ScriptRun, store: StateStore
) -> None:
    broken = {"input": "1", "provisioner": {"local-exec": {"command": "echo timeout; exit 3"}}}
    configure(terraform, store, a={"input": "1"}, broken=broken)
    planned = plan(terraform)
    ended = apply(terraform, planned)
    assert ended.code == PERMANENT
    assert ended.message.startswith("apply failed after it had begun, so that the plan cannot be")
    assert "exit status 3" in ended.message
    assert store.lock is None
    ended = apply(terraform, planned)
    assert (ended.code, "Saved plan is stale" in ended.message) == (PERMANENT, True)


def test_a_change_that_is_stopped_stores_and_unlocks_the_state(
    terraform: ScriptRun, store: StateStore
) -> None:
    ready = terraform.folder / "ready"
    slow = {"provisioner": {"local-exec": {"command": f"touch {ready}; sleep 600"}}}
    configure(terraform, store, slow=slow)
    planned = plan(terraform)
    process = terraform.start("terraform-apply", sha256=planned.outputs["sha256"])
    eventually(ready.exists)
    assert store.lock is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == PERMANENT
    assert "tainted" in json.dumps(store.state)
    assert store.lock is None


def test_no_end_in_time_is_retried(terraform: ScriptRun, store: StateStore) -> None:
    store.lock = {"ID": "held-by-ana"}
    ended = plan(terraform, timeout=3, lockTimeout="10m")
    assert (ended.code, "did not end within 3 s" in ended.message) == (RETRY, True)


def test_a_store_that_fails_is_retried(terraform: ScriptRun, store: StateStore) -> None:
    store.fail(Fault(503))
    ended = plan(terraform)
    assert (ended.code, ended.message.startswith("init failed: ")) == (RETRY, True), ended.message
    backend = {**store.backend(), "address": f"http://127.0.0.1:{free_port()}/state"}
    write(terraform, {"terraform": {"backend": {"http": backend}}})
    ended = plan(terraform)
    assert (ended.code, "refused" in ended.message) == (RETRY, True), ended.message


def test_what_another_attempt_cannot_mend_is_permanent(
    terraform: ScriptRun, store: StateStore, tmp_path: Path
) -> None:
    stranger = replace(terraform, secrets={})
    ended = plan(stranger)
    assert (ended.code, "requires auth" in ended.message) == (PERMANENT, True), ended.message
    write(terraform, {"terraform": {"backend": {"http": store.backend()}}, "resorce": {}})
    ended = plan(terraform)
    assert (ended.code, "Extraneous" in ended.message) == (PERMANENT, True), ended.message
    (tmp_path / "workspace/link").symlink_to("/etc")
    for parameters, words in (
        ({"path": "missing"}, "there is no directory missing in the workspace"),
        ({"path": "a/../../b"}, "path must not contain .."),
        ({"path": "link"}, "path leads out of the workspace"),
        ({"plan": "link/plan"}, "plan leads out of the workspace"),
    ):
        ended = plan(terraform, **parameters)
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    for line, words in (
        ("TF_CLI_ARGS_apply=-destroy", "environment must not set TF_CLI_ARGS_apply"),
        ("TF_LOG=trace", "environment must not set TF_LOG"),
        ("password", "environment: line 1 must be NAME=VALUE"),
        ("a b=c", "environment: line 1 must be NAME=VALUE"),
    ):
        ended = plan(replace(terraform, secrets={"environment": line}))
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    ended = plan(replace(terraform, workspace=False))
    assert (ended.code, "spec.workspace" in ended.message) == (USAGE, True)


def test_a_state_in_the_workspace_must_be_allowed(terraform: ScriptRun) -> None:
    configure(terraform, None, a={"input": "1"})
    ended = plan(terraform)
    assert (ended.code, "configure a backend" in ended.message) == (PERMANENT, True)
    assert counts(apply(terraform, plan(terraform, localState=True))) == (1, 0, 0)
