"""Whom requests act as: kubectl's flags and the kubeconfig's fields, in the headers they send."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orchestrator.cli.commands.registry import COMMANDS
from orchestrator.cli.connection import Target
from orchestrator.cli.impersonation import Impersonation, configured
from orchestrator.cli.main import app, load
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.session.errors import UsageError
from tests.commandline import kubeconfig_of

EVERYTHING = {
    "as": "ana",
    "as-groups": ["sre", "dev"],
    "as-uid": "u-1",
    "as-user-extra": {"example.com/team": ["shop", "pay"]},
}


class Echo(BaseHTTPRequestHandler):
    """Remembers the headers of impersonation, and has an empty list."""

    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        type(self).seen = [
            (name, value) for name, value in self.headers.items() if name.startswith("Impersonate")
        ]
        answer = b'{"items": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def config(server: str, path: Path, user: dict[str, Any]) -> Path:
    """A kubeconfig whose user has these fields."""
    raw = yaml.safe_load(kubeconfig_of(server, path).read_text())
    raw["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(raw))
    return path


def sent(server: str, path: Path, account: dict[str, Any], **flags: Any) -> list[tuple[str, str]]:
    target = Target(
        str(config(server, path / "config", account)), impersonation=Impersonation(**flags)
    )
    target.connect().within("shop").list(WORKFLOWS)
    return Echo.seen


def test_the_kubeconfig_says_whom_to_act_as(echo: str, tmp_path: Path) -> None:
    assert sent(echo, tmp_path, EVERYTHING) == [
        ("Impersonate-User", "ana"),
        ("Impersonate-Group", "sre"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Uid", "u-1"),
        ("Impersonate-Extra-example.com%2Fteam", "shop"),
        ("Impersonate-Extra-example.com%2Fteam", "pay"),
    ]
    assert sent(echo, tmp_path, {}) == []


def test_a_flag_replaces_its_field_of_the_kubeconfig(echo: str, tmp_path: Path) -> None:
    account = {"as": "ana", "as-groups": ["sre"]}
    assert sent(echo, tmp_path, account, user="bob", groups=("dev", "ops")) == [
        ("Impersonate-User", "bob"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
    ]
    assert sent(echo, tmp_path, account, user="bob")[1] == ("Impersonate-Group", "sre")


@pytest.mark.parametrize(
    "user", [{"as-groups": ["sre"]}, {"as-uid": "1"}, {"as-user-extra": {"a": ["b"]}}]
)
def test_groups_without_a_user_are_refused(user: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="also name the user with --as"):
        Target(str(config("http://127.0.0.1:1", tmp_path / "config", user))).connect()


def test_groups_that_are_no_list_are_refused(tmp_path: Path) -> None:
    user = {"as": "ana", "as-groups": "sre"}
    with pytest.raises(UsageError, match="as-groups is not a list"):
        Target(str(config("http://127.0.0.1:1", tmp_path / "config", user))).connect()


def test_of_several_files_the_first_that_has_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config("http://127.0.0.1:1", tmp_path / "first", {"as": "ana"})
    second = config("http://127.0.0.1:1", tmp_path / "second", {"as": "bob"})
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (tmp_path / "none", first, second))))
    assert configured(None, None).user == "ana"
    assert configured(str(second), None).user == "bob"
    assert configured(None, "another").user == ""


def test_every_command_that_speaks_to_a_cluster_takes_the_flags() -> None:
    waiting = [(name, load(name)) for name in COMMANDS]
    alone = {"crds", "completion", "operator", "receiver", "api", "recorder", "action", "version"}
    while waiting:
        name, command = waiting.pop()
        below = getattr(command, "commands", {})
        waiting += [(f"{name} {word}", one) for word, one in below.items()]
        if not below:
            flags = {flag for option in command.params for flag in option.opts}
            assert ({"--as", "--as-group", "--as-uid"} <= flags) is (name not in alone), name


def test_a_flag_of_a_command_reaches_the_request(echo: str, tmp_path: Path) -> None:
    path = str(config(echo, tmp_path / "config", {"as-groups": ["sre"]}))
    flags = ["--as", "bob", "--as-group", "a", "--as-group", "b", "--as-uid", "7"]
    done = CliRunner().invoke(app, ["--kubeconfig", path, "get", "workflows", *flags])
    assert done.exit_code == 0, done.output
    assert Echo.seen == [
        ("Impersonate-User", "bob"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "7"),
    ]


def test_the_operator_acts_in_no_others_name(tmp_path: Path) -> None:
    path = str(config("http://127.0.0.1:1", tmp_path / "config", {"as": "ana"}))
    done = CliRunner().invoke(app, ["--kubeconfig", path, "operator"])
    assert "the kubeconfig acts as ana" in str(done.exception)
