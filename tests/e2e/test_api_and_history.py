"""The REST API and the recorder as kustomize installs them, in one pod with SQLite on a volume."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.engine.status.conditions import is_recorded
from tests.kube import ROOT, Kubectl, ended, eventually, execution, workflow
from tests.service_accounts import INSTALL, NAMESPACE

MANIFESTS = str(ROOT / "manifests/api-with-history")
NAME = "itechsmart-workflow"


@pytest.fixture
def address(kubectl: Kubectl) -> Iterator[str]:
    """The address of the API's Service, beside an installation with its policies."""
    admin = kubectl.within(NAMESPACE)
    admin("apply", "--server-side", "-f", str(INSTALL / "namespace.yaml"))
    admin("apply", "--server-side", "-f", str(INSTALL / "policies.yaml"))
    admin("apply", "--server-side", "-k", MANIFESTS)
    try:
        admin("rollout", "status", f"deployment/{NAME}-recorder", "--timeout=5m")
        yield admin.get("service", f"{NAME}-api")["spec"]["clusterIP"]
    finally:
        admin("delete", "-k", MANIFESTS, "--wait=false")


def test_an_execution_is_recorded_and_readable_after_its_removal_with_the_callers_rights(
    address: str, kubectl: Kubectl, operator: Any
) -> None:
    assert operator.pid
    once = {"name": "once", "transform": {"answer": "6 * 7"}}
    kubectl.apply(workflow("sum", nodes=[once]), execution("sum", "first"))
    ended(kubectl, "first")

    eventually(lambda: is_recorded(kubectl.get("awfx", "first")["status"]), 240)
    token = kubectl("create", "token", reader(kubectl)).strip()
    path = f"/automation/executions/{kubectl.namespace}:first"
    status, execution_read = ask(address, path, token)
    assert (status, execution_read["status"]["phase"]) == (200, "Succeeded")
    kubectl("delete", "awfx", "first")
    # The API tries a database that was not there yet again after some seconds.
    eventually(lambda: ask(address, path, token)[0] == 200, 120)
    assert ask(address, path, token)[1]["status"]["phase"] == "Succeeded", "from the history"
    assert ask(address, path)[0] == 401
    assert ask(address, "/automation/executions?namespace=default", token)[0] == 403
    mounted = "/var/run/secrets/kubernetes.io/serviceaccount"
    pod = f"deployment/{NAME}-recorder"
    for container, token_there in (("api", False), ("recorder", True)):
        files = kubectl.within(NAMESPACE)("exec", pod, "-c", container, "--", "ls", mounted)
        assert ("token" in files.split()) == token_there


def reader(kubectl: Kubectl) -> str:
    """A service account that may read the namespace of the test."""
    kubectl("create", "serviceaccount", "reader")
    account = f"--serviceaccount={kubectl.namespace}:reader"
    kubectl("create", "rolebinding", "reader", "--clusterrole=view", account)
    return "reader"


def ask(address: str, path: str, token: str = "") -> tuple[int, Any]:
    """GET a path; status and body. kube-proxy learns of an endpoint after it is there."""

    def answered() -> tuple[int, Any]:
        connection = http.client.HTTPConnection(address, 80, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError as error:
            raise AssertionError(error) from error
        finally:
            connection.close()

    found: tuple[int, Any] = eventually(answered, 120)
    return found
