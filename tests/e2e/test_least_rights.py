"""The operator's rights suffice, by the API server's audit log of the whole suite."""

from __future__ import annotations

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from tests.service_accounts import USER


def test_nothing_that_the_operator_asks_is_forbidden(node_cluster: Cluster) -> None:
    every = AuditLog(node_cluster.audit_log).requests()
    asked = [request for request in every if request.user == USER]
    assert asked, "the operator's account asked for nothing: it does not run as this account"
    assert [request for request in asked if request.forbidden] == []
