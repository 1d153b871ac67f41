"""restart-service with OpenSSH's server and real units of systemd."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.ports import free_port
from orchestrator.actions.action import PERMANENT, USAGE
from orchestrator.actions.ssh import CONNECTION
from tests.actions import ActionRun
from tests.examples import example
from tests.servicemanager import ServiceManager
from tests.sshserver import SshServer

PROVES = {"OpenSSH server and systemd": ["restart-service"]}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceManager]:
    manager = ServiceManager(tmp_path_factory.mktemp("systemd"))
    try:
        manager.start()
        manager.define("web", "ExecStart=/bin/sleep 1000")
        yield manager
    finally:
        manager.stop()


@pytest.fixture(scope="module")
def server(units: ServiceManager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    started = SshServer(tmp_path_factory.mktemp("ssh"), units.variables)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def ssh(server: SshServer, tmp_path: Path) -> ActionRun:
    shared = {**server.parameters(), "manager": "user", "stableFor": "1s"}
    return ActionRun(tmp_path, {"privateKey": server.key}, shared)


def main_pid(units: ServiceManager, unit: str) -> int:
    return int(units.systemctl("show", "--property=MainPID", "--value", unit))


def test_a_restarted_service_has_a_new_main_process(ssh: ActionRun, units: ServiceManager) -> None:
    units.systemctl("stop", "web")
    first = ssh("restart-service", unit="web")
    assert first.code == 0, first.message
    second = ssh("restart-service", unit="web.service")
    now = main_pid(units, "web")
    assert (first.outputs["mainPidBefore"], first.outputs["mainPid"]) == (
        0,
        second.outputs["mainPidBefore"],
    )
    assert second.outputs == {
        "unit": "web.service",
        "state": "active",
        "subState": "running",
        "mainPidBefore": first.outputs["mainPid"],
        "mainPid": now,
    }
    assert now not in (0, first.outputs["mainPid"])


def test_a_service_that_ends_well_is_active(ssh: ActionRun, units: ServiceManager) -> None:
    units.define("once", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true")
    ended = ssh("restart-service", unit="once")
    assert (ended.outputs["subState"], ended.outputs["mainPid"]) == ("exited", 0)


def test_an_unknown_unit_is_permanent_and_nothing_is_restarted(
    ssh: ActionRun, units: ServiceManager
) -> None:
    ended = ssh("restart-service", unit="nowhere")
    assert ended.code == PERMANENT
    assert ended.message.startswith("nowhere.service on ")
    assert ended.message.endswith(" is not-found")
    units.systemctl("mask", "--runtime", "masked.service")
    ended = ssh("restart-service", unit="masked")
    assert (ended.code, ended.message.endswith(" is masked")) == (PERMANENT, True)


def test_a_service_that_does_not_start_fails_and_its_log_is_shown(
    ssh: ActionRun, units: ServiceManager, capfd: pytest.CaptureFixture[str]
) -> None:
    units.define("broken", "Type=notify\nExecStart=/bin/false")
    ended = ssh("restart-service", unit="broken")
    assert (ended.code, "Job for broken.service failed" in ended.message) == (1, True), ended
    assert "Main PID" in capfd.readouterr().out


def test_a_service_that_ends_soon_after_its_start_fails(
    ssh: ActionRun, units: ServiceManager
) -> None:
    units.define("short", "ExecStart=/bin/sh -c 'sleep 1; exit 3'")
    ended = ssh("restart-service", unit="short", stableFor="3s")
    assert ended.code == 1  # systemd may have seen its end before the action sees its start
    failed = "(did not stay active for 3s: failed,|is failed after the restart:) exit-code$"
    assert re.search(failed, ended.message), ended.message
    units.define("loop", "ExecStart=/bin/sh -c 'sleep 1; exit 3'\nRestart=always\nRestartSec=0")
    ended = ssh("restart-service", unit="loop", stableFor="3s")
    assert (ended.code, "did not stay active for 3s" in ended.message) == (1, True), ended
    units.systemctl("stop", "loop")


def test_the_timeout_ends_the_wait(ssh: ActionRun) -> None:
    ended = ssh("restart-service", unit="web", stableFor="1m", timeout="10s")
    assert ended.code == 1
    assert "the timeout of 10s ended before web.service on " in ended.message
    assert ended.message.endswith(" was stable")


def test_without_the_manager_of_the_system_the_reason_is_reported(ssh: ActionRun) -> None:
    ended = ssh("restart-service", unit="web", manager="system")
    assert ended.code == 1
    assert "systemctl on " in ended.message


def test_no_connection_is_retried(ssh: ActionRun) -> None:
    assert ssh("restart-service", unit="web", port=free_port()).code == CONNECTION


@pytest.mark.parametrize(
    "unit", ["-web", "--root=/", "web;id", "web service", "$(id)", "web.socket", "web*", "", "a/b"]
)
def test_what_is_no_name_of_a_service_is_refused(ssh: ActionRun, unit: str) -> None:
    ended = ssh("restart-service", unit=unit)
    assert (ended.code, "unit: " in ended.message) == (USAGE, True), ended.message


def test_the_example_runs(ssh: ActionRun) -> None:
    (parameters,) = example("restart-service")
    assert ssh("restart-service", unit=parameters["unit"]).code == 0
