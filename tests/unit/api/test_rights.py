"""What callers may read: asked for with their own tokens, remembered for a few seconds."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.api import rights as module
from orchestrator.api.rights import ALLOWED_SECONDS, Rights
from orchestrator.kube.access import Access
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.kube.impersonated import Impersonated
from orchestrator.kube.resources import EXECUTIONS, PODS
from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import ForbiddenError

Asked = dict[str, str]


class Reviewed(Cluster):
    """A cluster whose API server allows what a test says."""

    def __init__(self, token: str, namespace: str, server: Server) -> None:
        transport = BlockingTransport(Access("https://none.invalid")).with_token(token)
        super().__init__(transport, namespace)
        self._server = server

    def request(self, method: str, path: str, **sent: Any) -> Any:
        assert method == "POST"
        if path.endswith("selfsubjectreviews"):
            return {"status": {"userInfo": {"username": "ana"}}}
        assert path.endswith("selfsubjectaccessreviews")
        asked = sent["body"]["spec"]["resourceAttributes"]
        self._server.asked.append(asked)
        return {"status": {"allowed": self._server.allowed}}


class Server:
    """Answers reviews."""

    def __init__(self) -> None:
        self.allowed = True
        self.asked: list[Asked] = []
        self.now = 100.0
        self.rights = Rights(lambda: self.now)

    def allows(self, user: str = "ana", namespace: str = "shop") -> bool:
        return self.rights.allows(Reviewed(user, namespace, self), "get", EXECUTIONS)


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_right_is_asked_for_once_in_a_few_seconds(server: Server) -> None:
    assert server.allows()
    assert server.allows()
    assert len(server.asked) == 1
    server.allowed = False
    server.now += ALLOWED_SECONDS
    assert not server.allows()


def test_a_refusal_is_not_remembered(server: Server) -> None:
    server.allowed = False
    assert not server.allows()
    server.allowed = True
    assert server.allows()


def test_each_token_namespace_verb_and_kind_is_asked_for(server: Server) -> None:
    assert server.allows()
    server.allowed = False
    assert not server.allows("bob")
    assert not server.allows(namespace="bank")
    assert not server.allows(namespace="")
    cluster = Reviewed("ana", "shop", server)
    assert not server.rights.allows(cluster, "list", EXECUTIONS)
    assert not server.rights.allows(cluster, "get", PODS, "log")
    assert server.asked[-1] == {
        "namespace": "shop",
        "verb": "get",
        "group": "",
        "resource": "pods",
        "subresource": "log",
    }


def test_what_is_remembered_is_bounded_and_has_no_token(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ALLOWED", 3)
    for number in range(10):
        assert server.allows(f"token-{number}")
    kept = vars(server.rights)["_until"]
    assert len(kept) == 3
    assert all(b"token" not in key for key in kept)


def test_a_caller_without_the_right_reads_what_grants_it(server: Server) -> None:
    cluster = Reviewed("ana", "shop", server)
    server.rights.require(cluster, "get", EXECUTIONS)
    server.allowed = False
    with pytest.raises(ForbiddenError, match="ana may not get pods/log in namespace shop"):
        server.rights.require(cluster, "get", PODS, "log")
    with pytest.raises(ForbiddenError, match="--clusterrole=itechsmart-workflow-view"):
        server.rights.require(Reviewed("ana", "bank", server), "list", EXECUTIONS)


def test_each_user_of_a_session_is_asked_for(server: Server) -> None:
    def session(user: str, *groups: str) -> Reviewed:
        cluster = Reviewed("own", "shop", server)
        named = Impersonated(f"oidc:{user}", groups)
        cluster._transport = cluster._transport.impersonating(lambda: "Bearer own", named)
        return cluster

    assert server.rights.allows(session("ana", "oidc:sre"), "get", EXECUTIONS)
    server.allowed = False
    assert server.rights.allows(session("ana", "oidc:sre"), "get", EXECUTIONS)
    for other in (session("bob", "oidc:sre"), session("ana"), session("ana", "oidc:sre", "oidc:x")):
        assert not server.rights.allows(other, "get", EXECUTIONS)
    assert not server.rights.allows(Reviewed("own", "shop", server), "get", EXECUTIONS)
