"""What is said when there is no cluster where the kubeconfig points to, or no kubeconfig."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.cli.connection import Target
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.session.errors import UnreachableError, UsageError
from tests.commandline import kubeconfig_of


class Portal(BaseHTTPRequestHandler):
    """Something else that listens there, and answers everything with a page."""

    def do_GET(self) -> None:
        answer = b"<html>Log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def portal() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_is_no_api_server_is_not_believed(portal: str, tmp_path: Path) -> None:
    cluster = Target(str(kubeconfig_of(portal, tmp_path / "config"))).connect()
    said = f"^{portal} answers, but not as a Kubernetes API server does$"
    with pytest.raises(UnreachableError, match=said):
        cluster.list(WORKFLOWS)
    with pytest.raises(UnreachableError, match=said):
        next(cluster.watch(WORKFLOWS, "w", "1"))


def test_a_server_that_does_not_answer_is_named_with_the_cause(tmp_path: Path) -> None:
    cluster = Target(str(kubeconfig_of("http://127.0.0.1:1", tmp_path / "config"))).connect()
    with pytest.raises(UnreachableError) as refused:
        cluster.list(WORKFLOWS)
    assert str(refused.value).startswith("the API server at http://127.0.0.1:1 does not answer: ")
    assert str(refused.value).endswith("Connection refused")
    assert "Pool" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a/b", "../../nodes", "A", "a?b=c"])
def test_what_cannot_be_a_name_is_not_asked_for(name: str, tmp_path: Path) -> None:
    cluster = Target(str(kubeconfig_of("http://127.0.0.1:1", tmp_path / "config"))).connect()
    assert cluster.find(WORKFLOWS, name) is None


def test_a_namespace_cannot_lead_elsewhere(tmp_path: Path) -> None:
    config = str(kubeconfig_of("http://127.0.0.1:1", tmp_path / "config"))
    cluster = Target(config, namespace="../x").connect()
    assert cluster.path(WORKFLOWS).endswith("/namespaces/..%2Fx/workflows")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"clusters: {", b"\xff\xfe\x00", b"just words", b"current-context: [a]"],
)
def test_what_is_no_kubeconfig_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(content)
    with pytest.raises(UsageError, match="kubeconfig"):
        Target(str(tmp_path / "config")).connect()


@pytest.mark.parametrize("where", ["", "nowhere"])
def test_a_kubeconfig_that_is_no_file_is_said_to_be_none(where: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kubeconfig"):
        Target(str(tmp_path / where)).connect()


def test_what_no_request_can_carry_is_refused_with_its_path(tmp_path: Path) -> None:
    cluster = Target(str(kubeconfig_of("http://127.0.0.1:1", tmp_path / "config"))).connect()
    for body, said in (
        (
            {"spec": {"variables": {"x": "\udcff"}}},
            "^spec.variables.x: U.DCFF is half",
        ),
        ({"spec": {"x": float("nan")}}, "^this is not JSON: "),
    ):
        with pytest.raises(UsageError, match=said):
            cluster.request("POST", "/", body=body)


@pytest.fixture
def in_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without a kubeconfig, in a pod that mounts no service account."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    return tmp_path


def test_in_a_pod_without_a_kubeconfig_its_service_account_is_used(in_a_pod: Path) -> None:
    assert not (in_a_pod / ".kube").exists()
    said = "no kubeconfig, and no service account: the pod mounts no service account: "
    with pytest.raises(UsageError, match=said):
        Target().connect()


def test_in_a_pod_a_kubeconfig_comes_first(in_a_pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = in_a_pod / ".kube"
    folder.mkdir()
    path = kubeconfig_of("http://127.0.0.1:2", folder / "config")
    for named in (Target(), Target(str(path))):
        with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:2 does not answer"):
            named.connect().list(WORKFLOWS)
    missing = in_a_pod / "missing"
    monkeypatch.setenv("KUBECONFIG", str(missing))
    with pytest.raises(UsageError, match="no usable kubeconfig") as refused:
        Target().connect()
    assert f"({missing})" in str(refused.value)
    assert "; name one with --kubeconfig FILE, or the REST API with --server" in str(refused.value)
    with pytest.raises(UsageError, match="`kubectl config get-contexts` lists the contexts"):
        Target(str(path), "nowhere").connect()
