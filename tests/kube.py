"""kubectl against a cluster, and the operator as a separate process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from dev.cluster.tools import kubectl as kubectl_path
from orchestrator.kube.access import of_kubeconfig
from orchestrator.kube.blocking import BlockingClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import (
    EXECUTIONS,
    INCIDENTS,
    JOBS,
    PODS,
    TRIGGERS,
    WORKFLOWS,
    Resource,
)
from tests.fork_server import ForkedProcess

ROOT = Path(__file__).parent.parent
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
POLLED = {
    "awf": WORKFLOWS,
    "awfx": EXECUTIONS,
    "incident": INCIDENTS,
    "job": JOBS,
    "jobs": JOBS,
    "pod": PODS,
    "pods": PODS,
    "trigger": TRIGGERS,
}
"""Resources that tests poll, read over one connection instead of by kubectl."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl against one cluster; `namespace` is its default."""

    kubeconfig: Path
    namespace: str = "default"

    def attempt(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; it may fail."""
        command = [str(kubectl_path()), f"--kubeconfig={self.kubeconfig}", f"-n{self.namespace}"]
        return subprocess.run(
            [*command, *arguments], input=stdin, capture_output=True, text=True, timeout=120
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of kubectl; raises AssertionError with its error if it fails."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    @property
    def api(self) -> BlockingClient:
        """A client of the same cluster over one connection."""
        return _connected(self.kubeconfig, self.kubeconfig.stat().st_mtime_ns)

    def get(self, kind: str, *arguments: str) -> Any:
        """The result of `kubectl get … -o json`."""
        resource = POLLED.get(kind)
        try:
            match arguments:
                case () if resource:
                    return _listed(resource, self.api.list(resource, self.namespace))
                case ("-l", selector) if resource:
                    found = self.api.list(resource, self.namespace, label_selector=selector)
                    return _listed(resource, found)
                case (name,) if resource and not name.startswith("-"):
                    return self.api.get(resource, self.namespace, name)
        except ApiError as error:
            raise AssertionError(f"get {kind} {' '.join(arguments)}: {error}") from error
        return json.loads(self("get", kind, *arguments, "-o", "json"))

    def names(self, kind: str) -> list[str]:
        """The names of all objects of a kind."""
        return [line.partition("/")[2] for line in self("get", kind, "-o", "name").split()]

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Server-side apply of manifests given as values."""
        text = yaml.safe_dump_all(manifests)
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def create(self, manifest: dict[str, Any]) -> Any:
        """Create an object, and return it as stored."""
        return json.loads(self("create", "-f", "-", "-o", "json", stdin=json.dumps(manifest)))

    def within(self, namespace: str) -> Kubectl:
        """The same in another namespace."""
        return Kubectl(self.kubeconfig, namespace)


def _listed(resource: Resource, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A list whose items have their kind, as from kubectl and unlike from the API server."""
    named = {"apiVersion": resource.api_version, "kind": resource.kind}
    return {"items": [named | item for item in items]}


@lru_cache(maxsize=64)
def _connected(kubeconfig: Path, _written: int) -> BlockingClient:
    return BlockingClient(of_kubeconfig(str(kubeconfig)), "tests")


def workflow(name: str, **spec: Any) -> dict[str, Any]:
    """A Workflow's manifest."""
    return manifest("Workflow", name, spec)


def execution(workflow_name: str, name: str, **spec: Any) -> dict[str, Any]:
    """A WorkflowExecution's manifest."""
    return manifest("WorkflowExecution", name, {"workflow": workflow_name, **spec})


def trigger(name: str, workflow_name: str, **spec: Any) -> dict[str, Any]:
    """A Trigger's manifest."""
    return manifest("Trigger", name, {"workflow": workflow_name, **spec})


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A manifest of one of our kinds."""
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def eventually(check: Callable[[], Any], within: float = 60.0, pause: float = 0.1) -> Any:
    """The result of `check` once it is true; raises the last error after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            if value := check():
                return value
            problem: object = f"still {value!r}"
        except AssertionError as error:
            problem = error
        assert time.monotonic() < deadline, f"not within {within:g} s: {problem}"
        time.sleep(pause)  # between two questions to a cluster


class Operator:
    """The operator as a separate process, which can be killed."""

    COMMAND = "operator"

    def __init__(
        self, kubeconfig: Path, log: Path, *options: str, source: Path = ROOT / "operator"
    ) -> None:
        self._kubeconfig = kubeconfig
        self._source = source
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.log = log

    def start(self) -> None:
        """Start it; returns at once."""
        environ = {**os.environ, "KUBECONFIG": str(self._kubeconfig)}
        environ["PYTHONPATH"] = str(self._source)
        words = [self.COMMAND, *self._options]
        with self.log.open("a") as log:
            if self._source == ROOT / "operator":
                self._process = ForkedProcess(words, environ, stdout=log, stderr=log)
            else:
                command = [sys.executable, "-m", "orchestrator", *words]
                self._process = subprocess.Popen(
                    command, env=environ, stdout=log, stderr=log, text=True
                )

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it with SIGTERM, and wait."""
        self._end(signal.SIGTERM)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None


@contextmanager
def running_operator(kubeconfig: Path, log: Path, *options: str) -> Iterator[Operator]:
    """A running operator, stopped when the context exits."""
    operator = Operator(kubeconfig, log, *options)
    operator.start()
    try:
        yield operator
    finally:
        operator.stop()


def ended(kubectl: Kubectl, name: str, within: float = 90.0) -> dict[str, Any]:
    """The execution once it has ended."""

    def check() -> Any:
        raw = kubectl.get("awfx", name)
        finished = raw.get("status", {}).get("finishedAt")
        return raw if finished else None

    found: dict[str, Any] = eventually(check, within)
    return found


def phases(raw: dict[str, Any]) -> dict[str, str]:
    """Phases of an execution's nodes."""
    return {name: record["phase"] for name, record in raw["status"].get("nodes", {}).items()}
