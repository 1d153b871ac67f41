"""git-clone and git-commit-tag against a real git server, over HTTP and over SSH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from orchestrator.actions.action import FAILED, PERMANENT, USAGE
from tests.actions import ActionRun
from tests.examples import example
from tests.gitserver import TOKEN, GitServer
from tests.sshserver import SshServer, make_key

PROVES = {"git servers over HTTPS and SSH": ["git-clone", "git-commit-tag"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    folder = tmp_path / "repositories"
    folder.mkdir()
    with GitServer(folder) as started:
        yield started


@pytest.fixture
def url(server: GitServer) -> str:
    return server.create("shop.git")


@pytest.fixture
def act(server: GitServer, tmp_path: Path) -> ActionRun:
    shared = {"url": f"{server.url}/shop.git", "caCertificate": server.ca}
    return ActionRun(tmp_path, {"token": TOKEN}, shared)


def workspace(act: ActionRun, path: str = "source") -> Path:
    return act.folder / "workspace" / path


def test_the_default_branch_is_checked_out(
    server: GitServer, url: str, act: ActionRun, capfd: pytest.CaptureFixture[str]
) -> None:
    head = server.commit("shop.git", {"a": "1"}, "second: with a colon")
    ended = act("git-clone", url=url)
    assert ended.code == 0, ended.message
    committed = ended.outputs.pop("committedAt")
    assert ended.outputs == {
        "commit": head, "branch": "main", "path": "source", "author": "Ana",
        "subject": "second: with a colon", "truncated": False,
    }  # fmt: skip
    assert committed[4] == "-"
    assert (workspace(act) / "README.md").read_text() == "hello\n"
    assert server.git(workspace(act), "rev-list", "--count", "HEAD") == "1"
    assert f"fetching main of {url}" in capfd.readouterr().out


def test_a_branch_a_tag_and_a_commit_are_checked_out(
    server: GitServer, url: str, act: ActionRun
) -> None:
    first = server.git(server.folder / "shop.git", "rev-parse", "main")
    server.git(server.folder / "shop.git", "tag", "-a", "-m", "x", "v1", first)
    branch = server.commit("shop.git", {"a": "1"}, "second", branch="feature/a")
    for ref, commit, expected in (("feature/a", branch, "feature/a"), ("v1", first, ""), (first, first, "")):  # fmt: skip # noqa: E501
        ended = act("git-clone", url=url, ref=ref, path=f"at/{ref}")
        assert ended.code == 0, ended.message
        assert (ended.outputs["commit"], ended.outputs.get("branch", "")) == (commit, expected)
    whole = act("git-clone", url=url, ref="feature/a", path="whole", depth=0)
    assert whole.code == 0
    assert server.git(workspace(act, "whole"), "rev-list", "--count", "HEAD") == "2"


def test_the_token_is_nowhere(
    url: str,
    act: ActionRun,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = act.folder / "seen"
    programs = act.folder / "programs"
    programs.mkdir()
    real = shutil.which("git")
    (programs / "git").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {seen}\nexec {real} "$@"\n')
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert act("git-clone", url=url).code == 0
    (workspace(act) / "new").write_text("1")
    assert act("git-commit-tag", message="change", tag="v1").code == 0
    files = [
        each.read_text(errors="replace")
        for each in (workspace(act) / ".git").rglob("*")
        if each.is_file()
    ]
    output = capfd.readouterr()
    for text in (*files, seen.read_text(), output.out, output.err):
        assert TOKEN not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ref": "none"}, "has no branch or tag none"),
        ({"ref": "0" * 40}, "not our ref"),
        ({"url": "none.git"}, "not found"),
        ({"path": "../out"}, "leads out of the workspace"),
    ],
)
def test_what_does_not_exist_is_permanent(
    url: str, act: ActionRun, change: dict[str, str], words: str
) -> None:
    given: dict[str, Any] = {"url": url, **change}
    if given["url"] == "none.git":
        given["url"] = url.replace("shop.git", "none.git")
    ended = act("git-clone", **given)
    assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message


@pytest.mark.parametrize("secrets", [{}, {"token": "ghp_wrong"}])
def test_refused_credentials_are_permanent(
    server: GitServer, url: str, tmp_path: Path, secrets: dict[str, str]
) -> None:
    ended = ActionRun(tmp_path, secrets)("git-clone", url=url, caCertificate=server.ca)
    assert ended.code == PERMANENT, ended.message
    assert "ghp_" not in ended.message


def test_a_server_that_fails_is_worth_a_retry(server: GitServer, url: str, act: ActionRun) -> None:
    server.failures = [503]
    ended = act("git-clone", url=url)
    assert (ended.code, "503" in ended.message) == (FAILED, True), ended.message
    ended = act("git-clone", url=f"https://127.0.0.1:{free_port()}/shop.git")
    assert ended.code == FAILED, ended.message
    assert act("git-clone", url=url, attempt=2).code == 0


def test_a_redirect_to_another_host_gets_no_token(server: GitServer, act: ActionRun) -> None:
    server.create("shop.git")
    server.failures = [302]
    assert act("git-clone", url=f"{server.url}/shop.git").code != 0


def test_only_the_directory_of_an_earlier_attempt_is_replaced(url: str, act: ActionRun) -> None:
    assert act("git-clone", url=url).code == 0
    (workspace(act) / "left").write_text("x")
    assert act("git-clone", attempt=2, url=url).code == 0
    assert not (workspace(act) / "left").exists()
    workspace(act, "mine").mkdir()
    (workspace(act, "mine") / "file").write_text("x")
    ended = act("git-clone", url=url, path="mine")
    assert (ended.code, "is not empty" in ended.message) == (PERMANENT, True)
    assert (workspace(act, "mine") / "file").exists()


@pytest.mark.parametrize(
    "parameters",
    [
        {"url": "https://user:pw@host/x"},
        {"url": "file:///etc"},
        {"url": "--upload-pack=x"},
        {"url": "ext::sh -c x"},
        {"url": "https://host/x", "ref": "--upload-pack=x"},
        {"url": "https://host/x", "path": "."},
        {"url": "https://host/x", "knownHosts": "", "privateKey": "x", "token": None},
    ],
)
def test_invalid_parameters_are_refused(tmp_path: Path, parameters: dict[str, Any]) -> None:
    assert ActionRun(tmp_path)("git-clone", **parameters).code == USAGE


def test_changes_are_committed_tagged_and_pushed(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1.4.0\n")
    (workspace(act) / "README.md").unlink()
    given: dict[str, Any] = {
        "message": "Release 1.4.0",
        "tag": "v1.4.0",
        "authorName": "Release bot",
    }
    ended = act("git-commit-tag", **given)
    assert ended.code == 0, ended.message
    bare = server.folder / "shop.git"
    commit = server.git(bare, "rev-parse", "main")
    assert ended.outputs == {"commit": commit, "changed": True, "branch": "main", "tag": "v1.4.0"}
    assert server.git(bare, "rev-parse", "v1.4.0^{commit}") == commit
    assert server.git(bare, "ls-tree", "--name-only", "main") == "VERSION"
    assert server.git(bare, "log", "-1", "--format=%an %s", "main") == "Release bot Release 1.4.0"
    again = act("git-commit-tag", attempt=2, **given)
    assert again.outputs == ended.outputs
    assert server.git(bare, "rev-list", "--count", "main") == "2"


def test_a_commit_that_was_not_pushed_is_pushed_by_the_retry(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1\n")
    server.failures = [503]
    assert act("git-commit-tag", message="x").code == FAILED
    ended = act("git-commit-tag", attempt=2, message="x")
    assert (ended.code, ended.outputs["changed"]) == (0, True)
    assert server.git(server.folder / "shop.git", "rev-list", "--count", "main") == "2"


def test_a_commit_is_rebased_onto_those_of_others(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1\n")
    server.commit("shop.git", {"OTHER": "x"}, "of another")
    ended = act("git-commit-tag", message="mine", tag="v1")
    assert ended.code == 0, ended.message
    bare = server.folder / "shop.git"
    assert server.git(bare, "log", "--format=%s", "main").splitlines() == [
        "mine", "of another", "first",
    ]  # fmt: skip
    assert server.git(bare, "rev-parse", "v1^{commit}") == ended.outputs["commit"]


def test_a_conflict_is_permanent(server: GitServer, url: str, act: ActionRun) -> None:
    act("git-clone", url=url)
    (workspace(act) / "README.md").write_text("mine\n")
    server.commit("shop.git", {"README.md": "theirs\n"}, "of another")
    ended = act("git-commit-tag", message="x")
    assert (ended.code, "conflicts with new commits of main" in ended.message) == (PERMANENT, True)


def test_without_changes_only_a_tag_is_pushed(server: GitServer, url: str, act: ActionRun) -> None:
    commit = act("git-clone", url=url).outputs["commit"]
    ended = act("git-commit-tag", message="x", tag="v1")
    assert ended.outputs == {"commit": commit, "changed": False, "branch": "", "tag": "v1"}
    assert server.git(server.folder / "shop.git", "rev-list", "--count", "main") == "1"
    nothing = act("git-commit-tag", message="x")
    assert (nothing.outputs["changed"], nothing.outputs["branch"]) == (False, "")


def test_a_tag_of_another_commit_is_permanent(server: GitServer, url: str, act: ActionRun) -> None:
    server.git(server.folder / "shop.git", "tag", "v1", "main")
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1\n")
    ended = act("git-commit-tag", message="x", tag="v1")
    assert (ended.code, "tag v1 exists" in ended.message) == (PERMANENT, True)
    assert server.git(server.folder / "shop.git", "rev-list", "--count", "main") == "1"


def test_hooks_of_the_checkout_do_not_run(url: str, act: ActionRun) -> None:
    act("git-clone", url=url)
    hook = workspace(act) / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran; exit 1\n")
    hook.chmod(0o755)
    (workspace(act) / "VERSION").write_text("1\n")
    assert act("git-commit-tag", message="x").code == 0
    assert not (workspace(act) / "ran").exists()


def test_what_is_no_checkout_is_permanent(act: ActionRun) -> None:
    ended = act("git-commit-tag", message="x")
    assert (ended.code, "run git-clone" in ended.message) == (PERMANENT, True)
    assert act("git-commit-tag").code == USAGE


def test_the_examples_run(server: GitServer, url: str, tmp_path: Path) -> None:
    act = ActionRun(tmp_path, {"token": TOKEN}, {"caCertificate": server.ca})
    for action in ("git-clone", "git-commit-tag"):
        (parameters,) = example(action, {"version": "1.4.0"}, url=url)
        parameters.pop("token", None)
        if action == "git-commit-tag":
            assert parameters["tag"] == "v1.4.0"
            parameters["message"] = "Release 1.4.0"
            (workspace(act, parameters["path"]) / "VERSION").write_text("1.4.0\n")
        ended = act(action, **parameters)
        assert ended.code == 0, ended.message
    assert server.git(server.folder / "shop.git", "log", "-1", "--format=%s") == "Release 1.4.0"


def test_a_key_opens_a_repository_over_ssh(server: GitServer, url: str, tmp_path: Path) -> None:
    assert url
    sshd = SshServer(tmp_path / "ssh")
    sshd.start()
    try:
        address = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{server.folder}/shop.git"
        known: dict[str, Any] = {"url": address, "knownHosts": sshd.known_hosts}
        act = ActionRun(tmp_path, {"privateKey": sshd.key})
        ended = act("git-clone", **known)
        assert ended.code == 0, ended.message
        (workspace(act) / "VERSION").write_text("1\n")
        pushed = act("git-commit-tag", message="over ssh", **known)
        assert (pushed.code, pushed.outputs["changed"]) == (0, True), pushed.message

        make_key(tmp_path / "other")
        stranger = ActionRun(tmp_path, {"privateKey": (tmp_path / "other").read_text()})
        refused = stranger("git-clone", path="b", **known)
        assert (refused.code, "check privateKey" in refused.message) == (PERMANENT, True)
        host = f"[127.0.0.1]:{sshd.port} {(tmp_path / 'other.pub').read_text()}"
        unknown = act("git-clone", path="c", url=address, knownHosts=host)
        assert (unknown.code, "Host key verification failed" in unknown.message) == (
            PERMANENT,
            True,
        )
    finally:
        sshd.stop()


def configure(act: ActionRun, *settings: str) -> None:
    """Write a setting into the checkout, as an earlier node can."""
    subprocess.run(["git", "-C", str(workspace(act)), "config", *settings], check=True)


def test_a_checkout_of_another_repository_is_refused(
    server: GitServer, url: str, act: ActionRun, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with GitServer(tmp_path / "other") as other:
        act("git-clone", url=url)
        configure(act, "remote.origin.url", f"{other.url}/shop.git")
        (workspace(act) / "VERSION").write_text("1\n")
        ended = act("git-commit-tag", message="x")
        assert (ended.code, "is a checkout of" in ended.message) == (PERMANENT, True)
        assert (other.requests, server.git(server.folder / "shop.git", "rev-list", "--count", "main")) == (0, "1")  # fmt: skip # noqa: E501


@pytest.mark.parametrize("name", ["url.{}.insteadOf", "url.{}.pushInsteadOf", "http.proxy"])
def test_settings_of_the_checkout_send_nothing_to_another_server(
    server: GitServer, url: str, act: ActionRun, tmp_path: Path, name: str
) -> None:
    (tmp_path / "other").mkdir()
    with GitServer(tmp_path / "other") as other:
        act("git-clone", url=url)
        value = server.url if "{}" in name else other.url
        configure(act, name.format(other.url), value)
        (workspace(act) / "VERSION").write_text("1\n")
        ended = act("git-commit-tag", message="x", tag="v1")
        assert (ended.code, other.requests) == (0, 0), ended.message
    assert server.git(server.folder / "shop.git", "rev-list", "--count", "main") == "2"


def test_the_checkout_cannot_turn_off_the_verification_of_the_server(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    configure(act, "http.sslVerify", "false")
    (workspace(act) / "VERSION").write_text("1\n")
    requests = server.requests
    ended = act("git-commit-tag", message="x", caCertificate=None)
    assert (ended.code, "certificate" in ended.message) == (PERMANENT, True), ended.message
    assert server.requests == requests


def test_programs_of_the_checkout_do_not_run(
    server: GitServer, url: str, act: ActionRun, tmp_path: Path
) -> None:
    act("git-clone", url=url)
    seen, program = tmp_path / "seen", tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv >> {seen}\ncat\n")
    program.chmod(0o755)
    included = tmp_path / "included"
    for name in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "gpg.program"):
        subprocess.run(["git", "config", "--file", str(included), name, str(program)], check=True)
    for name, value in (
        ("commit.gpgSign", "true"), ("core.sshCommand", str(program)),
        ("core.fsmonitor", str(program)), ("credential.helper", str(program)),
        ("include.path", str(included)),
    ):  # fmt: skip
        configure(act, name, value)
    (workspace(act) / ".git/info").mkdir(exist_ok=True)
    (workspace(act) / ".git/info/attributes").write_text("* filter=x\n")
    (workspace(act) / ".gitattributes").write_text("* filter=x\n")
    server.commit("shop.git", {"OTHER": "x"}, "of another")
    ended = act("git-commit-tag", message="x", tag="v1")
    assert ended.code == 0, ended.message
    assert not seen.exists()


def test_programs_of_a_submodule_do_not_run(
    server: GitServer, url: str, act: ActionRun, tmp_path: Path
) -> None:
    act("git-clone", url=url)
    seen, program = tmp_path / "seen", tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv >> {seen}\n")
    program.chmod(0o755)
    inner = workspace(act) / "inner"
    server.git(tmp_path, "clone", "--quiet", str(server.folder / "shop.git"), str(inner))
    for name in ("core.fsmonitor", "core.sshCommand"):
        server.git(inner, "config", name, str(program))
    server.git(workspace(act), "add", "inner")
    (inner / "README.md").write_text("changed\n")
    (workspace(act) / "README.md").write_text("not committed\n")
    server.commit("shop.git", {"OTHER": "x"}, "of another")
    ended = act("git-commit-tag", message="x", files=["inner"])
    assert ended.code == 0, ended.message
    assert not seen.exists()
    server.git(inner, "status")
    assert seen.exists()


def test_the_commit_of_a_push_without_a_response_is_returned(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1\n")
    server.commit("shop.git", {"BEFORE": "x"}, "before")
    server.lost_pushes = 1
    given: dict[str, Any] = {"message": "mine", "tag": "v1"}
    assert act("git-commit-tag", **given).code == FAILED
    bare = server.folder / "shop.git"
    mine = server.git(bare, "rev-parse", "main")
    server.commit("shop.git", {"AFTER": "x"}, "after")
    ended = act("git-commit-tag", attempt=2, **given)
    assert ended.code == 0, ended.message
    assert (ended.outputs["commit"], ended.outputs["changed"]) == (mine, True)
    assert server.git(bare, "rev-parse", "v1^{commit}") == mine
    assert server.git(bare, "log", "--format=%s", "main").splitlines() == [
        "after", "mine", "before", "first",
    ]  # fmt: skip


def test_other_modified_files_survive_the_rebase(
    server: GitServer, url: str, act: ActionRun
) -> None:
    act("git-clone", url=url)
    (workspace(act) / "VERSION").write_text("1\n")
    (workspace(act) / "README.md").write_text("not committed\n")
    server.commit("shop.git", {"OTHER": "x"}, "of another")
    ended = act("git-commit-tag", message="mine", files=["VERSION"])
    assert ended.code == 0, ended.message
    bare = server.folder / "shop.git"
    assert server.git(bare, "show", "main:README.md") == "hello"
    assert (workspace(act) / "README.md").read_text() == "not committed\n"
    assert server.git(workspace(act), "rev-parse", "HEAD") == ended.outputs["commit"]
    assert server.git(workspace(act), "status", "--porcelain") == "M README.md"


@pytest.mark.parametrize("action", ["git-clone", "git-commit-tag"])
def test_a_token_is_for_https_only(url: str, act: ActionRun, action: str) -> None:
    act("git-clone", url=url)
    plain = url.replace("https:", "http:")
    configure(act, "remote.origin.url", plain)
    ended = act(action, url=plain, path="source", message="x" if action != "git-clone" else None)
    assert (ended.code, "token is for an https URL" in ended.message) == (PERMANENT, True)
