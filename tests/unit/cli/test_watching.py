"""An execution followed to its end, through all that a connection can do on the way."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.cli import observing
from orchestrator.cli.connection import Cluster
from tests.apiserver import ApiServer
from tests.commandline import CommandLine, kubeconfig_of

PLURAL = "workflowexecutions"
Raw = dict[str, Any]
BEGAN = "2027-01-15T08:00:00.000Z"


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    yield server
    await server.stop()


@pytest.fixture
async def cli(server: ApiServer, tmp_path: Path) -> CommandLine:
    return CommandLine(kubeconfig_of(await server.start(), tmp_path / "kubeconfig"))


async def put(server: ApiServer, phase: str = "Running", **nodes: Any) -> None:
    """The execution `run-1` as it stands now."""
    ended = phase not in ("Running", "Pending")
    status = {"phase": phase, "startedAt": BEGAN, "nodes": nodes}
    if ended:
        status["finishedAt"] = "2027-01-15T08:00:30.000Z"
    await server.put(
        PLURAL, "default", "run-1", kind="WorkflowExecution", spec={"workflow": "w"}, status=status
    )


async def told(process: Any) -> tuple[int, str, str]:
    """Exit code, output and errors of a command that ends."""
    out, err = await asyncio.to_thread(process.communicate, None, 60)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("phase", "code"), [("Succeeded", 0), ("Failed", 1), ("TimedOut", 3), ("Cancelled", 4)]
)
async def test_the_exit_code_says_how_it_ended(
    server: ApiServer, cli: CommandLine, phase: str, code: int
) -> None:
    await put(server, phase)
    done, out, _ = await told(cli.start("watch", "run-1"))
    assert (done, out.splitlines()[-1]) == (code, f"run-1 {phase} after 30s")


async def test_changes_are_lines_as_they_happen(server: ApiServer, cli: CommandLine) -> None:
    await put(server, a={"phase": "Running", "startedAt": BEGAN})
    process = cli.start("watch", "run-1")
    await server.until(lambda: server.watched == 1)
    await put(server, a={"phase": "Succeeded", "startedAt": BEGAN, "finishedAt": BEGAN})
    await put(
        server, "Succeeded", a={"phase": "Succeeded", "startedAt": BEGAN, "finishedAt": BEGAN}
    )
    code, out, _ = await told(process)
    assert code == 0
    assert "a                Succeeded" in out


async def test_a_broken_watch_and_a_server_that_is_busy_do_not_end_it(
    server: ApiServer, cli: CommandLine
) -> None:
    await put(server)
    process = cli.start("watch", "run-1")
    await server.until(lambda: server.watched == 1)
    await server.break_watches()
    await server.until(lambda: server.watched == 2)
    await put(server, "Succeeded")
    assert (await told(process))[0] == 0


async def test_an_expired_watch_reads_again(server: ApiServer, cli: CommandLine) -> None:
    await put(server)
    process = cli.start("watch", "run-1")
    await server.until(lambda: server.watched == 1)
    await put(server, a={"phase": "Running"})
    await server.compact()
    await put(server, "Failed")
    assert (await told(process))[0] == 1


async def test_a_deleted_execution_is_said(server: ApiServer, cli: CommandLine) -> None:
    await put(server)
    process = cli.start("watch", "run-1")
    await server.until(lambda: server.watched == 1)
    await server.remove(PLURAL, "default", "run-1")
    code, _, err = await told(process)
    assert (code, err) == (2, "error: WorkflowExecution run-1 was deleted\n")


async def test_an_interrupt_ends_the_watching_and_says_how_to_cancel(
    server: ApiServer, cli: CommandLine
) -> None:
    await put(server)
    process = cli.start("watch", "run-1")
    await server.until(lambda: server.watched == 1)
    process.send_signal(signal.SIGINT)
    code, _, err = await told(process)
    assert code == 130, err
    assert "run-1 continues; cancel it with: orchestrator cancel run-1" in err
    assert "Traceback" not in err


async def test_on_a_terminal_it_is_a_tree(server: ApiServer, cli: CommandLine) -> None:
    revision = {"workflow": {"nodes": [{"name": "first"}, {"name": "second"}], "edges": []}}
    await server.put("controllerrevisions", "default", "r", data=revision)
    status = {
        "phase": "Succeeded",
        "startedAt": BEGAN,
        "finishedAt": BEGAN,
        "revision": "r",
        "nodes": {"first": {"phase": "Succeeded"}, "second": {"phase": "Skipped"}},
    }
    await server.put(PLURAL, "default", "run-1", spec={"workflow": "w"}, status=status)
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as terminal:
        process = cli.start("watch", "run-1", stdout=terminal)
        code, _, err = await told(process)
        shown = os.read(reader, 65536).decode()
    os.close(reader)
    assert (code, err) == (0, "")
    assert "✔" in shown
    assert "○" in shown


@pytest.mark.parametrize("columns", [60, 80])
async def test_the_tree_fits_its_terminal_and_says_who_paused(
    server: ApiServer, cli: CommandLine, columns: int
) -> None:
    name = "restart_the_payments_service_of_shop"
    workflow = {"nodes": [{"name": name}], "edges": [], "timeout": "2h"}
    await server.put("controllerrevisions", "default", "r", data={"workflow": workflow})
    record = {
        "phase": "Failed",
        "reason": "Failed",
        "message": "the deployment exceeded its progress deadline of ten minutes",
        "startedAt": BEGAN,
        "finishedAt": "2027-01-15T08:00:12.000Z",
    }
    fields: Raw = {"f:spec": {"f:desiredState": {}}}
    written = {"manager": "control-ana", "time": "2027-01-15T08:01:00Z", "fieldsV1": fields}
    status = {"phase": "Paused", "startedAt": BEGAN, "revision": "r", "nodes": {name: record}}
    await server.put(
        PLURAL,
        "default",
        "run-1",
        metadata={"managedFields": [written]},
        spec={"workflow": "w", "desiredState": "Paused"},
        status=status,
    )
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    with os.fdopen(writer, "w") as terminal:
        process = cli.start("watch", "run-1", stdout=terminal, columns=columns)
        shown = ""
        while "✖" not in shown:
            shown += (await asyncio.to_thread(os.read, reader, 65536)).decode()
        process.send_signal(signal.SIGINT)
        await told(process)
    os.close(reader)
    plain = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", shown)
    assert "by ana since" in plain
    assert "at the latest until" in plain
    line = next(line for line in plain.splitlines() if "✖" in line)
    assert f"✖ {name}  12s" in line
    assert len(line.rstrip()) <= columns
    command = "".join(plain.split())
    assert "resumewith:orchestrator-ndefaultresumerun-1" in command


@pytest.mark.parametrize("command", [("get", "awfx"), ("watch", "run-1")])
async def test_a_closed_pipe_ends_it_without_a_word(
    server: ApiServer, cli: CommandLine, command: tuple[str, ...]
) -> None:
    await put(server, "Succeeded")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        process = cli.start(*command, stdout=closed)
        code, _, err = await told(process)
        assert (code, err) == (141, "")


async def test_a_list_is_watched_and_each_change_is_a_row(
    server: ApiServer, cli: CommandLine
) -> None:
    await put(server)
    process = cli.start("get", "awfx", "-w", "-o", "jsonpath={.status.phase}")
    await server.until(lambda: server.watched == 1)
    await put(server, "Succeeded")
    await server.break_watches()
    await server.until(lambda: server.watched == 2)
    await server.put(
        PLURAL, "default", "run-2", kind="WorkflowExecution", spec={"workflow": "w"}, status={}
    )
    assert process.stdout is not None
    lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert lines == ["Running\n", "Succeeded\n", "\n"]
    assert (await told(process))[0] == 130


@pytest.mark.parametrize("reconciled", [True, False])
def test_while_no_operator_reconciles_it_a_hint_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, reconciled: bool
) -> None:
    monkeypatch.setattr(observing, "UNSEEN_SECONDS", 0.05)
    execution = {"metadata": {"name": "run-1", "creationTimestamp": BEGAN}, "spec": {}}
    status = {"status": {"phase": "Running"}} if reconciled else {}
    observer = observing.Observer(cast("Cluster", None), {**execution, **status})
    with observing.hint_if_unseen([observer]):
        observer.wait(0.3)
    hint = "run-1: the operator has not reconciled it"
    assert capsys.readouterr().err.startswith(hint) is not reconciled
