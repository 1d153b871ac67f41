"""An alert that a real Alertmanager sends opens an incident, and its workflow resolves it."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from dev.cluster.errors import ClusterError
from dev.cluster.tools import kubectl as kubectl_path
from dev.demo.show import prepare, summarize
from dev.demo.stage import NAMESPACE, ROOT, SYSTEM, Stage, answer, step
from dev.monitoring.prometheus import ALERTMANAGER, program
from dev.ports import free_port

TRIGGER = ROOT / "dev/demo/alert.yaml"
SETTINGS = ("receiver.enabled=true", "receiver.replicas=1")
WAIT_SECONDS = 60.0


def up() -> int:
    """Play it; 0 when the incident was resolved."""
    print("iTechSmart Workflow: an alert, handled on a real cluster\n")
    alertmanager = program(ALERTMANAGER)
    stage = prepare(*SETTINGS)
    token = secrets.token_urlsafe(24)
    with step("letting alerts start the workflow"):
        _allow(stage, token)
    before = answer(stage)
    print(f"\n  payments answers: {before}\n", flush=True)
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        receiver = running.enter_context(_forwarded(stage, folder))
        with step("starting Alertmanager"):
            url = running.enter_context(_alertmanager(alertmanager, receiver, token, folder))
        print("  an alert fires: PaymentsUnhealthy, service=payments\n", flush=True)
        _alert(url)
        name = _started(stage)
        code = _orchestrator(stage, "watch", name)
        print(f"\n  payments answers: {answer(stage)}   (before: {before})\n")
        summarize(stage, name)
        _alert(url, ended=True)
    return code


def _allow(stage: Stage, token: str) -> None:
    """The Trigger, its secret, and what lets the receiver read it."""
    stage.kubectl("create", "secret", "generic", "alertmanager", f"--from-literal=token={token}")
    stage.kubectl("apply", "--server-side", "-f", str(TRIGGER))
    grant = _run(stage, "trigger", "grant", "-f", str(TRIGGER), capture=True).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(grant)
        file.flush()
        stage.kubectl("apply", "-f", file.name)
    stage.kubectl("wait", "--for=condition=Ready", "trigger/payments-unhealthy", "--timeout=90s")


@contextmanager
def _forwarded(stage: Stage, folder: Path) -> Iterator[str]:
    """The receiver's address on this machine."""
    port = free_port()
    command = [
        str(kubectl_path()), f"--namespace={SYSTEM}", "port-forward",
        f"service/{SYSTEM}-receiver", f"{port}:80",
    ]  # fmt: skip
    with _process(command, folder / "port-forward.log", stage.environ):
        _until_open(port, folder / "port-forward.log")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _alertmanager(path: Path, receiver: str, token: str, folder: Path) -> Iterator[str]:
    """An Alertmanager that sends every alert to the Trigger."""
    hook = {
        "url": f"{receiver}/triggers/{NAMESPACE}/payments-unhealthy",
        "http_config": {"authorization": {"type": "Bearer", "credentials": token}},
    }
    route = {"receiver": "workflows", "group_by": ["alertname"], "group_wait": "1s"}
    configuration = {
        "route": {**route, "group_interval": "5s"},
        "receivers": [{"name": "workflows", "webhook_configs": [hook]}],
    }
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = [
        str(path), f"--config.file={file}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with _process(command, folder / "alertmanager.log"):
        _until_open(port, folder / "alertmanager.log")
        yield f"http://127.0.0.1:{port}"


def _alert(url: str, *, ended: bool = False) -> None:
    """Post the alert as Prometheus posts it, firing or ended."""
    alert: dict[str, Any] = {
        "labels": {"alertname": "PaymentsUnhealthy", "service": "payments", "severity": "page"},
        "annotations": {"summary": "payments does not answer 200"},
    }
    if ended:
        alert["endsAt"] = datetime.now(UTC).isoformat()
    body = json.dumps([alert]).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{url}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass
    except urllib.error.URLError as error:
        raise ClusterError(f"Alertmanager does not take the alert: {error}") from error


def _started(stage: Stage) -> str:
    """The name of the execution that the Trigger started."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for raw in stage.get("awfx")["items"]:
            if raw["spec"].get("trigger", {}).get("type") == "alert":
                name: str = raw["metadata"]["name"]
                return name
        time.sleep(0.3)
    status = stage.get("trigger", "payments-unhealthy").get("status")
    raise ClusterError(f"the alert started no execution within {WAIT_SECONDS:.0f} s: {status}")


def _orchestrator(stage: Stage, *arguments: str) -> int:
    print(f"$ orchestrator {' '.join(arguments)}\n", flush=True)
    return _run(stage, *arguments).returncode


def _run(stage: Stage, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "-n", NAMESPACE, *arguments],
        env={**stage.environ, "PYTHONPATH": str(ROOT / "operator")},
        stdout=subprocess.PIPE if capture else None,
        text=True,
    )
    if capture and done.returncode:
        raise ClusterError(f"orchestrator {' '.join(arguments)} failed (see above)")
    return done


@contextmanager
def _process(
    command: Sequence[str], log: Path, environ: dict[str, str] | None = None
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _until_open(port: int, log: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ClusterError(f"nothing listens on port {port}:\n{log.read_text()}")
