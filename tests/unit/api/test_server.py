"""The API as a process: its address, TLS, limits, probes and end."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.ports import free_port
from tests.api_process import StreamEvent, running_api, streaming
from tests.certificates import server_certificate
from tests.kube import eventually
from tests.unit.cli.conftest import CliEnvironment


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CliEnvironment]:
    env = CliEnvironment(tmp_path)
    yield env
    env.close()


def test_it_serves_tls_probes_and_metrics(env: CliEnvironment, tmp_path: Path) -> None:
    files = server_certificate(tmp_path)
    health = free_port()
    options = (
        f"--tls-certificate={files.certificate}",
        f"--tls-key={files.key}",
        f"--health-address=127.0.0.1:{health}",
    )
    with running_api(env.kubeconfig, tmp_path / "api.log", *options) as anyone:
        context = ssl.create_default_context(cafile=str(files.authority))
        connection = http.client.HTTPSConnection("127.0.0.1", anyone.port, context=context)
        connection.request("GET", "/automation/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
        assert answer.headers["Strict-Transport-Security"]
        connection.close()
        for path in ("healthz", "readyz", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{health}/{path}") as probe:
                assert probe.status == 200


def test_an_address_in_use_is_reported_without_a_traceback(
    env: CliEnvironment, tmp_path: Path
) -> None:
    with running_api(env.kubeconfig, tmp_path / "api.log") as anyone:
        address = f"127.0.0.1:{anyone.port}"
        command = [sys.executable, "-m", "orchestrator", "--kubeconfig", str(env.kubeconfig)]
        second = subprocess.run(
            [*command, "api", f"--address={address}"], capture_output=True, text=True
        )
    assert second.returncode == 2
    assert f"error: cannot serve at {address}: " in second.stderr
    assert "address already in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_more_requests_than_the_rate_are_refused_with_the_wait(
    env: CliEnvironment, tmp_path: Path
) -> None:
    options = ("--rate=0.1", "--burst=2")
    with running_api(env.kubeconfig, tmp_path / "api.log", *options) as anyone:
        ana, bob = anyone.within("ana"), anyone.within("bob")
        assert [ana("GET", "/node-types").status for _ in range(3)] == [200, 200, 429]
        refused = ana("GET", "/node-types")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert bob("GET", "/node-types").status == 200
        assert ana("GET", "/health").status == 200


def test_streams_have_a_limit_of_their_own_and_end_with_the_process(
    env: CliEnvironment, tmp_path: Path
) -> None:
    status = {"phase": "Running", "nodes": {}}
    env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status=status)
    options = ("--max-streams=1", "--max-requests=1")
    log = tmp_path / "api.log"
    with ExitStack() as stack:
        anyone = stack.enter_context(running_api(env.kubeconfig, log, *options))
        user = anyone.within("token")
        with streaming(user, "/executions/run/events") as events:
            assert next(events).kind == "execution"
            assert user("GET", "/executions/run").status == 200
            assert user("GET", "/executions/run/events").status == 429

        def again() -> Iterator[StreamEvent]:
            return open_streams.enter_context(streaming(user, "/executions/run/events"))

        with ExitStack() as open_streams:
            events = eventually(again)
            assert next(events).kind == "execution"
            stack.close()
            assert list(events) == []
    assert "ERROR" not in log.read_text()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--address=8091", "--address 8091: write HOST:PORT"),
        ("--tls-key=tls.key", "--tls-certificate: write it as well"),
        ("--log-format=xml", "--log-format xml: write plain or json"),
    ],
)
def test_a_wrong_option_is_named(env: CliEnvironment, option: str, said: str) -> None:
    done = env("api", option)
    assert (done.code, done.err.startswith(f"error: {said}")) == (2, True), done.err
