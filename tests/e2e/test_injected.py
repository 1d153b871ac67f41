"""What a webhook injects into real pods neither speaks for their action nor keeps its node."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.credentials import write_credentials
from dev.cluster.images import BUSYBOX_IMAGE
from orchestrator.engine.times import from_rfc3339
from tests.kube import ROOT, Kubectl, ended, eventually, execution, manifest, workflow

_SECURE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_PROXY = """\
echo '{"value": "proxy"}' > /dev/termination-log
echo the proxy speaks
trap 'exit 3' TERM
seconds=0
while [ $seconds -lt %d ]; do sleep 1; seconds=$((seconds + 1)); done
exit 3
"""
LATE, NEVER = 4, 100_000
"""Seconds that a proxy runs: a little longer than its action, and for good."""


class _Injects(BaseHTTPRequestHandler):
    """Adds a container that comes before `action`, and ends late in pods of the node `late`."""

    def do_POST(self) -> None:
        """Answer an AdmissionReview."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        name = request["object"]["metadata"].get("generateName", "")
        proxy = {
            "name": "a-proxy",
            "image": BUSYBOX_IMAGE,
            "command": ["sh", "-c", _PROXY % (LATE if "-late-" in name else NEVER)],
            "securityContext": _SECURE,
        }
        patch = [{"op": "add", "path": "/spec/containers/0", "value": proxy}]
        response = {
            "uid": request["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        }
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        body = json.dumps({**review, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def injected(kubectl: Kubectl, tmp_path: Path) -> Iterator[Kubectl]:
    """A namespace in whose pods a container is injected."""
    write_credentials(tmp_path / "tls", ["127.0.0.1"], server="https://unused", inner="")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/apiserver.crt", tmp_path / "tls/apiserver.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Injects)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = base64.b64encode((tmp_path / "tls/ca.crt").read_bytes()).decode()
    url = f"https://127.0.0.1:{server.server_port}/"
    name = f"injects-{kubectl.namespace}"
    kubectl.create(_configuration(name, kubectl.namespace, url, authority))
    try:
        yield kubectl
    finally:
        kubectl("delete", "mutatingwebhookconfiguration", name)
        server.shutdown()
        server.server_close()


def _configuration(name: str, namespace: str, url: str, authority: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "injects.example.com",
                "clientConfig": {"url": url, "caBundle": authority},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["pods"],
                        "operations": ["CREATE"],
                    }
                ],
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def _task(name: str, source: str) -> dict[str, Any]:
    spec = {
        "outputs": [{"name": "value", "type": "string"}],
        "action": {
            "image": BUSYBOX_IMAGE,
            "script": {"interpreter": "sh", "source": source},
        },
    }
    return manifest("Template", name, spec)


SUCCEEDS = 'echo the action speaks; printf \'{"value": "action"}\' > "$OUTPUTS"'
FAILS = 'echo the action fails; echo it is broken > "$OUTPUTS"; exit 7'


@pytest.mark.usefixtures("operator")
def test_outputs_exit_code_log_and_end_are_those_of_the_action(injected: Kubectl) -> None:
    kubectl = injected
    nodes = [
        {"name": name, "action": f"local/{template}", "timeout": "5m"}
        for name, template in (("late", "succeeds"), ("stays", "succeeds"), ("breaks", "fails"))
    ]
    flow = workflow("flow", nodes=nodes)
    kubectl.apply(_task("succeeds", SUCCEEDS), _task("fails", FAILS), flow)
    kubectl.create(execution("flow", "run"))
    records = ended(kubectl, "run", 60)["status"]["nodes"]
    for name in ("late", "stays"):
        assert records[name]["phase"] == "Succeeded", records[name]
        assert records[name]["outputs"] == {"value": "action"}
    assert (records["breaks"]["phase"], records["breaks"]["exitCode"]) == ("Failed", 7)
    assert "it is broken" in records["breaks"]["message"]
    pods = {
        node: pod
        for pod in kubectl.get("pods")["items"]
        for node in records
        if f"-{node}-" in pod["metadata"]["name"]
    }
    for node, pod in pods.items():
        proxy, action = pod["spec"]["containers"]
        assert (proxy["name"], action["name"]) == ("a-proxy", "action")
        assert _lines(kubectl, node) == [
            "the action fails" if node == "breaks" else "the action speaks"
        ]
    # The nodes ended with their actions, and what was injected ran on, or had just been stopped.
    assert set(pods) == set(records)

    def stopped() -> bool:
        for name, node in ((pod["metadata"]["name"], node) for node, pod in pods.items()):
            status = kubectl.get("pod", name)["status"]
            ends = {
                each["name"]: each["state"].get("terminated")
                for each in status["containerStatuses"]
            }
            if None in ends.values():
                return False
            assert ends["a-proxy"]["exitCode"] != 0
            assert ends["action"]["exitCode"] == (7 if node == "breaks" else 0)
            finished = from_rfc3339(records[node]["finishedAt"])
            assert finished <= from_rfc3339(ends["action"]["finishedAt"]) + 1
            assert from_rfc3339(ends["a-proxy"]["finishedAt"]) > finished or node == "late"
        return True

    eventually(stopped, 45)


def _lines(kubectl: Kubectl, node: str) -> list[str]:
    """What the CLI shows of the node's log."""
    environ = {**os.environ, "KUBECONFIG": str(kubectl.kubeconfig)}
    environ["PYTHONPATH"] = str(ROOT / "operator")
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "-n", kubectl.namespace, "logs", "run", node],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return [line.partition(" | ")[2] or line for line in done.stdout.splitlines()]
