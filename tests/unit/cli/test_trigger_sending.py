"""`trigger send` and `trigger test --body`: requests signed as their senders sign them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.models.base import API_VERSION
from tests.signed_requests import ALERTMANAGER, SECRETS, hex_hmac
from tests.unit.actions.conftest import Response, Server, running_server
from tests.unit.cli.conftest import CliEnvironment

HOOK: dict[str, Any] = {
    "workflow": "w",
    "webhook": {"github": {"secrets": SECRETS}},
    "variables": {"branch": "$[[ event.body.ref ]]"},
    "filter": "event.body.ref != 'skip'",
}
CALL: dict[str, Any] = {
    "workflow": "w",
    "apiEndpoint": {"schema": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}},
}
SPEC: dict[str, Any] = {
    "variables": [{"name": "branch", "type": "string", "default": ""}],
    "nodes": [{"name": "a", "transform": {"x": "1"}}],
}


@pytest.fixture
def env(env: CliEnvironment) -> CliEnvironment:
    env.put("Workflow", "w", spec=SPEC)
    env.put("Trigger", "hook", spec=HOOK)
    env.put("Trigger", "call", spec=CALL)
    env.put("Trigger", "nightly", spec={"workflow": "w", "schedule": {"cron": "@daily"}})
    return env


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    return path


@pytest.fixture
def receiver() -> Iterator[Server]:
    with running_server() as started:
        started.answer = lambda _: Response(202, b'{"outcome": "started", "execution": "hook-1"}')
        yield started


def body_of(folder: Path, body: object) -> str:
    path = folder / "body.json"
    path.write_text(json.dumps(body))
    return str(path)


def test_a_request_is_signed_and_sent_to_the_path_of_the_trigger(
    env: CliEnvironment, receiver: Server, secret: Path, tmp_path: Path
) -> None:
    body = body_of(tmp_path, {"ref": "main"})
    options = ("--url", receiver.url, "--secret-file", str(secret), "--body", body, "--id", "d-7")
    done = env("trigger", "send", "hook", *options)
    assert (done.code, done.out) == (0, '202 {"outcome": "started", "execution": "hook-1"}\n')
    (request,) = receiver.requests
    assert request.path == "/triggers/default/hook"
    assert json.loads(request.body) == {"ref": "main"}
    assert request.headers["x-github-delivery"] == "d-7"
    assert request.headers["x-hub-signature-256"] == f"sha256={hex_hmac(b's3cret', request.body)}"


def test_the_secret_is_read_from_the_cluster_and_a_sample_is_sent(
    env: CliEnvironment, receiver: Server
) -> None:
    value = base64.b64encode(b"of the cluster").decode()
    env.server.objects["secrets", "default", "hooks"] = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks"},
        "data": {"secret": value},
    }  # fmt: skip
    assert env("trigger", "send", "hook", "--url", receiver.url).code == 0
    (request,) = receiver.requests
    expected = hex_hmac(b"of the cluster", request.body)
    assert request.headers["x-hub-signature-256"] == f"sha256={expected}"


def test_the_trigger_of_a_file_needs_no_cluster(
    env: CliEnvironment, receiver: Server, secret: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hooks.yaml"
    documents = [
        {"apiVersion": API_VERSION, "kind": "Trigger", "metadata": {"name": name}, "spec": HOOK}
        for name in ("one", "two")
    ]
    file.write_text(yaml.safe_dump_all(documents))
    options = ("--url", receiver.url, "--secret-file", str(secret), "-f", str(file))
    several = env("trigger", "send", *options)
    assert (several.code, "choose one of one, two by name" in several.err) == (2, True)
    unknown = env("trigger", "send", "three", *options)
    assert (unknown.code, "there is no Trigger three" in unknown.err) == (2, True)
    env.server.objects.clear()
    assert env("-n", "shop", "trigger", "send", "two", *options).code == 0
    (request,) = receiver.requests
    assert request.path == "/triggers/shop/two"
    assert request.headers["x-hub-signature-256"] == f"sha256={hex_hmac(b's3cret', request.body)}"


def test_without_a_name_or_a_file_there_is_nothing_to_send(
    env: CliEnvironment, receiver: Server
) -> None:
    done = env("trigger", "send", "--url", receiver.url)
    assert (done.code, "name the Trigger, or give a file with it" in done.err) == (2, True)


def test_a_refusal_of_the_receiver_is_exit_code_1(
    env: CliEnvironment, receiver: Server, secret: Path
) -> None:
    receiver.answer = lambda _: Response(401, b'{"message": "not verified"}')
    done = env("trigger", "send", "hook", "--url", receiver.url, "--secret-file", str(secret))
    assert (done.code, done.out) == (1, '401 {"message": "not verified"}\n')


def test_a_dry_run_prints_the_request(env: CliEnvironment, secret: Path) -> None:
    options = ("--url", "https://x.example/", "--secret-file", str(secret), "--dry-run")
    done = env("trigger", "send", "hook", *options, "--header", "X-GitHub-Event: release")
    assert done.lines[0] == "POST https://x.example/triggers/default/hook"
    assert "X-GitHub-Event: release" in done.lines
    assert '  "message": "a sample"' in done.lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nightly",), "trigger/nightly takes no requests: its type is schedule"),
        (("hook", "--header", "x"), "--header x: write NAME: VALUE"),
        (("hook", "--body", "/no/such"), "--body: /no/such: No such file"),
        (("hook", "--secret-file", "/no/such"), "--secret-file: /no/such: No such file"),
        (("hook",), "hooks"),
        (("call",), "--secret-file: give a file with a token for the API server"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is_sent(
    env: CliEnvironment, receiver: Server, arguments: tuple[str, ...], said: str
) -> None:
    done = env("trigger", "send", *arguments, "--url", receiver.url)
    assert (done.code, receiver.requests) == (2, [])
    assert said in done.err


def test_a_receiver_that_cannot_be_reached_is_said(env: CliEnvironment, secret: Path) -> None:
    options = ("--url", "http://127.0.0.1:1", "--secret-file", str(secret))
    done = env("trigger", "send", "hook", *options)
    assert done.code == 2
    assert "--url http://127.0.0.1:1: " in done.err


def trigger_file(folder: Path, name: str, spec: dict[str, Any]) -> str:
    path = folder / "trigger.yaml"
    head = {"apiVersion": "automation.itechsmart.dev/v1alpha1", "kind": "Trigger"}
    path.write_text(json.dumps({**head, "metadata": {"name": name}, "spec": spec}))
    return str(path)


def test_a_trigger_is_tested_with_the_body_of_a_request(
    env: CliEnvironment, tmp_path: Path
) -> None:
    file = trigger_file(tmp_path, "hook", HOOK)
    fires = env("trigger", "test", file, "--body", body_of(tmp_path, {"ref": "main"}))
    assert (fires.code, fires.lines[-1]) == (0, "    branch: main")
    skips = env("trigger", "test", file, "--body", body_of(tmp_path, {"ref": "skip"}))
    assert (skips.code, "spec.filter does not hold" in skips.out) == (1, True)
    other = env("trigger", "test", file, "--body", str(tmp_path), "--event", "x")
    assert (other.code, "give an event or a request" in other.err) == (2, True)


def test_what_the_receiver_would_answer_to_a_wrong_body_is_said(
    env: CliEnvironment, tmp_path: Path
) -> None:
    file = trigger_file(tmp_path, "call", CALL)
    done = env("trigger", "test", file, "--body", body_of(tmp_path, {"n": "three"}))
    assert done.code == 2
    assert "the receiver answers 400: " in done.err
    assert env("trigger", "test", file, "--body", body_of(tmp_path, {"n": 3})).code == 0


def test_a_notification_that_starts_nothing_is_no_error(
    env: CliEnvironment, tmp_path: Path
) -> None:
    alerts = {"workflow": "w", "alert": {"bearer": {"secrets": SECRETS}, "statuses": ["resolved"]}}
    file = trigger_file(tmp_path, "alerts", alerts)
    body = body_of(tmp_path, ALERTMANAGER)
    done = env("trigger", "test", file, "--body", body)
    assert done.code == 1
    assert (
        "would not start workflow/w: the trigger starts nothing when alerts are firing" in done.out
    )
