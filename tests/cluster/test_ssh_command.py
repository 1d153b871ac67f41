"""ssh-command with OpenSSH's server."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from orchestrator.actions.action import PERMANENT, USAGE
from orchestrator.actions.ssh import CONNECTION, MEMORY
from tests.actions import ActionRun
from tests.examples import example
from tests.kube import eventually
from tests.sshserver import SshServer, make_key

PROVES = {"OpenSSH server": ["ssh-command"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    started = SshServer(tmp_path_factory.mktemp("ssh"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def ssh(server: SshServer, tmp_path: Path) -> ActionRun:
    return ActionRun(tmp_path, {"privateKey": server.key}, server.parameters())


def test_exit_code_and_output_of_the_command_are_outputs(
    ssh: ActionRun, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = ssh("ssh-command", command="echo out; echo err >&2")
    assert ended.code == 0, ended.message
    assert ended.outputs == {
        "exitCode": 0,
        "stdout": "out\n",
        "stderr": "err\n",
        "truncated": False,
    }
    logged = capfd.readouterr()
    assert logged.out.splitlines()[1:] == ["out", "exit code 0"]
    assert logged.err == "err\n"


@pytest.mark.parametrize("code", [3, 64, 65, 255])
def test_the_exit_code_of_a_failed_command_is_the_nodes(ssh: ActionRun, code: int) -> None:
    ended = ssh("ssh-command", command=f"echo no disk >&2; exit {code}")
    assert (ended.code, ended.message) == (code, f"the command exited with {code}: no disk")


def test_other_exit_codes_may_count_as_success(ssh: ActionRun) -> None:
    ended = ssh("ssh-command", command="echo x | grep y", successCodes=[0, 1])
    assert (ended.code, ended.outputs["exitCode"]) == (0, 1)
    ended = ssh("ssh-command", command="true", successCodes=[1])
    assert ended.code == PERMANENT
    assert ended.message == "the command exited with 0; successCodes expects 1"


def test_arguments_never_become_code(ssh: ActionRun) -> None:
    nasty = "$(echo pwned) `id` \"'; exit 3\n"
    ended = ssh("ssh-command", command='printf "%s|" "$@"', args=[nasty, 1, True, "-o", "--"])
    assert ended.outputs["stdout"] == f"{nasty}|1|true|-o|--|"


def test_the_command_reads_input_and_a_secret(
    ssh: ActionRun, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ssh("ssh-command", command="cat", stdin="a\nb").outputs["stdout"] == "a\nb"
    secret = replace(ssh, secrets={**ssh.secrets, "secret": "s3cr3t-value"})
    ended = secret("ssh-command", command='read -r it; test "$it" = s3cr3t-value; echo "$it $?"')
    assert ended.outputs["stdout"] == "*** 0\n"
    assert "s3cr3t" not in "".join(capfd.readouterr())
    both = secret("ssh-command", command="cat", stdin="x")
    assert (both.code, "either stdin or secret" in both.message) == (USAGE, True)


def test_input_that_is_not_read_and_output_without_end_hold_up_nothing(ssh: ActionRun) -> None:
    ended = ssh("ssh-command", command="exit 0", stdin="x" * 1_000_000)
    assert ended.code == 0, ended.message
    ended = ssh("ssh-command", command="yes | head -c 3000000 | tr -d '\\n'; echo end")
    assert ended.outputs["stdout"].endswith("yyend\n")
    assert ended.outputs["truncated"] is True


def test_a_host_with_another_key_is_refused(ssh: ActionRun, tmp_path: Path) -> None:
    host = f"[127.0.0.1]:{ssh.parameters['port']}"
    other = " ".join(make_key(tmp_path / "other").split()[:2])
    changed = ssh("ssh-command", command="true", knownHosts=f"{host} {other}")
    assert (changed.code, "has another key than knownHosts" in changed.message) == (PERMANENT, True)
    unknown = ssh("ssh-command", command="true", knownHosts=f"elsewhere {other}")
    assert (unknown.code, "knownHosts contains no key of" in unknown.message) == (PERMANENT, True)


def test_a_key_that_the_host_does_not_accept_is_permanent(ssh: ActionRun, tmp_path: Path) -> None:
    make_key(tmp_path / "mine")
    make_key(tmp_path / "locked", passphrase="correct horse")
    keys = [(tmp_path / name).read_text() for name in ("mine", "locked")]
    for key, words in (*((key, "does not accept privateKey") for key in keys), ("x", "is not a")):
        ended = replace(ssh, secrets={"privateKey": key})("ssh-command", command="true")
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message


def test_neither_an_agent_nor_a_configuration_file_takes_part(
    ssh: ActionRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "proxied"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"Host *\n  ProxyCommand touch {marker}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    ended = ssh("ssh-command", command='echo "[$SSH_AUTH_SOCK]"')
    assert ended.outputs["stdout"] == "[]\n"
    assert not marker.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "-oProxyCommand=touch /tmp/pwned"},
        {"host": "host -oProxyCommand=id"},
        {"host": "user@host"},
        {"host": "host\nother"},
        {"user": "-oProxyCommand=id"},
        {"user": "root -oProxyCommand=id"},
        {"port": 0},
        {"knownHosts": "  \n# nothing\n"},
        {"command": ""},
        {"timeout": "soon"},
    ],
)
def test_what_could_be_an_option_of_ssh_is_refused(ssh: ActionRun, wrong: dict[str, Any]) -> None:
    ended = ssh("ssh-command", **{"command": "true", **wrong})
    assert (ended.code, next(iter(wrong)) in ended.message) == (USAGE, True), ended.message


def test_no_connection_is_retried(ssh: ActionRun) -> None:
    port = free_port()
    ended = ssh("ssh-command", command="true", port=port)
    assert ended.code == CONNECTION
    assert f"127.0.0.1:{port}: " in ended.message
    assert "Connection refused" in ended.message


def test_a_lost_connection_is_retried(ssh: ActionRun, tmp_path: Path) -> None:
    marker = tmp_path / "session"

    def cut() -> None:
        eventually(marker.exists)
        time.sleep(0.1)
        os.kill(int(marker.read_text()), signal.SIGKILL)

    cutting = threading.Thread(target=cut)
    cutting.start()
    ended = ssh("ssh-command", command=f'echo $PPID > "{marker}"; sleep 1000')
    cutting.join()
    assert (ended.code, "no connection to" in ended.message) == (CONNECTION, True), ended


def test_a_command_that_takes_too_long_is_left_and_retried(ssh: ActionRun) -> None:
    ended = ssh("ssh-command", command="sleep 1000", timeout="2s")
    assert ended.code == 1
    assert "did not end the command within 2 s; it may still be running there" in ended.message


def test_the_private_key_is_a_file_of_its_user_in_memory_while_it_is_used(
    ssh: ActionRun, tmp_path: Path
) -> None:
    before = set(MEMORY.iterdir())
    seen = tmp_path / "seen"
    command = f"stat -f -c %T {MEMORY}; stat -c %a {MEMORY}/*/key > {seen}"
    assert ssh("ssh-command", command=command).outputs["stdout"] == "tmpfs\n"
    assert set(seen.read_text().split()) == {"600"}
    assert set(MEMORY.iterdir()) <= before


def test_the_example_runs(ssh: ActionRun, server: SshServer) -> None:
    (parameters,) = example("ssh-command", server.parameters())
    del parameters["privateKey"]
    ended = ssh("ssh-command", **{**parameters, "port": server.port})
    assert ended.code == 0, ended.message
