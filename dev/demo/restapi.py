"""Asks the REST API for what the demo ran, as a reader of its namespace would."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.cluster.errors import ClusterError
from dev.cluster.tools import kubectl as kubectl_path
from dev.demo.stage import NAMESPACE, READER, SYSTEM, Stage

SERVICE = f"service/{SYSTEM}-api"
PORT = 8091
WAIT_SECONDS = 60.0
"""Seconds for which the recorder may take to record an execution."""


def check(stage: Stage, name: str) -> None:
    """That the API answers with the execution, which has ended and is recorded in the history.

    Raises ClusterError if it does not.
    """
    token = stage.kubectl("create", "token", READER).strip()
    with _forwarded(stage) as port:
        found = _recorded(port, name, token)
    print(f"  the REST API has {name}: {found['status']['phase']}, recorded in the history")


def summarize() -> None:
    """Print how to ask the API."""
    print("\nAsk the REST API, with the token of someone who may read the namespace:")
    print(f"  kubectl -n {SYSTEM} port-forward {SERVICE} {PORT}:80 >/dev/null &")
    print(f"  TOKEN=$(kubectl -n {NAMESPACE} create token {READER})")
    url = f"http://127.0.0.1:{PORT}/automation/executions?namespace={NAMESPACE}"
    print(f'  curl -H "Authorization: Bearer $TOKEN" {url!r}')


@contextmanager
def _forwarded(stage: Stage) -> Iterator[int]:
    """A port of this machine that leads to the API's Service."""
    command = [str(kubectl_path()), f"--namespace={SYSTEM}", "port-forward", SERVICE, ":80"]
    process = subprocess.Popen(
        command, env=stage.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.search(r"127\.0\.0\.1:(\d+)", line)
        if port is None:
            raise ClusterError(f"kubectl port-forward {SERVICE}: {line.strip()}")
        yield int(port[1])
    finally:
        process.terminate()
        process.wait()


def _recorded(port: int, name: str, token: str) -> dict[str, Any]:
    """The execution as the API has it, once its condition says that it is recorded."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            execution = _get(port, f"/automation/executions/{NAMESPACE}:{name}", token)
            conditions = {raw["type"]: raw["status"] for raw in execution["status"]["conditions"]}
            if conditions.get("Recorded") == "True":
                return execution
            problem: object = "it is not recorded in the history"
        except OSError as error:
            problem = error
        if time.monotonic() > deadline:
            raise ClusterError(f"the REST API and {name}: {problem}")
        time.sleep(0.5)  # between two requests


def _get(port: int, path: str, token: str) -> dict[str, Any]:
    """Raises OSError if there is no answer, ClusterError if it is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except http.client.HTTPException as error:  # the forwarding has ended the connection
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ClusterError(f"the REST API answers {answer.status}: {found.get('detail', found)}")
    return found
