"""The operator's rights are those that it uses, by the audit log of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog, Request
from tests.account import INSTALL, USER

Right = tuple[str, str, str]
"""API group, resource and verb."""

UNUSED: dict[Right, str] = {}
"""Rights that no test of this suite needs, each with the reason why the operator has it."""


def _granted() -> Iterator[Right]:
    """What the roles of the operator say."""
    for raw in yaml.safe_load_all((INSTALL / "operator-rbac.yaml").read_text()):
        for rule in raw.get("rules", ()):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    yield from ((group, resource, verb) for verb in rule["verbs"])


@pytest.fixture(scope="module")
def asked(node_cluster: Cluster) -> list[Request]:
    """Every request of the operator's account in this session."""
    every = AuditLog(node_cluster.audit_log).requests()
    return [request for request in every if request.user == USER]


def test_nothing_that_the_operator_asks_is_forbidden(asked: list[Request]) -> None:
    assert asked, "the operator's account asked for nothing: it does not run as this account"
    assert [request for request in asked if request.forbidden] == []


def test_the_operator_has_no_right_that_it_does_not_use(asked: list[Request]) -> None:
    used = {(request.group, request.resource, request.verb) for request in asked}
    unused = set(_granted()) - used
    assert unused == set(UNUSED), _listed(unused ^ set(UNUSED))
    assert len(UNUSED) < 10


def _listed(rights: set[Right]) -> str:
    return "\n".join(str(right) for right in sorted(rights))
