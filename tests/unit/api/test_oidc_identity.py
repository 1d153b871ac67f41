"""Who a user is to Kubernetes, and which names no provider may give."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.api.oidc.identity import MAX_GROUPS, Claims, Identity, IdentityError
from orchestrator.kube.impersonated import Impersonated

EMAIL = Claims("email", "groups")
VERIFIED = {"email": "ana@example.com", "email_verified": True}


def test_names_and_groups_have_a_prefix_and_nothing_else() -> None:
    found = EMAIL.identity({**VERIFIED, "groups": ["sre", "équipe", "sre"]}).impersonated()
    assert found == Impersonated("oidc:ana@example.com", ("oidc:sre", "oidc:équipe"))
    assert Claims().identity({"sub": "42", "groups": ["sre"]}).impersonated().groups == ()
    one = Claims("sub", "groups").identity({"sub": "42", "groups": "sre"})
    assert one.groups == ("sre",)


def test_only_groups_that_start_with_a_prefix_count() -> None:
    claims = Claims("sub", "groups", ("k8s-", "sre"))
    found = claims.identity({"sub": "42", "groups": ["k8s-a", "sre", "system:masters", "hr"]})
    assert found.groups == ("k8s-a", "sre")


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_email_that_is_not_verified_is_refused(verified: Any) -> None:
    with pytest.raises(IdentityError, match="verified"):
        EMAIL.identity({"email": "ana@example.com", "email_verified": verified})
    with pytest.raises(IdentityError, match="verified"):
        EMAIL.identity({"email": "ana@example.com"})


@pytest.mark.parametrize(
    "name",
    ["", " ", "system:admin", "SYSTEM:admin", "x system:masters", "a\nb", "a\x00", "a\u202eb",
     "a ", " a", "\ta", "a\u00a0", "a\ud800", "x" * 257],
)  # fmt: skip
def test_names_that_are_reserved_or_change_on_the_way_are_refused(name: str) -> None:
    with pytest.raises(IdentityError):
        Identity(name)
    with pytest.raises(IdentityError):
        Identity("ana", ("sre", name))


@pytest.mark.parametrize("name", [None, 42, ["ana"], {"a": 1}, True])
def test_a_claim_that_is_no_name_is_refused_with_its_option(name: Any) -> None:
    with pytest.raises(IdentityError, match="--oidc-username-claim"):
        Claims().identity({"sub": name})


@pytest.mark.parametrize("groups", [42, {"a": "b"}, [1], [["a"]], [None]])
def test_a_claim_that_is_no_list_of_groups_is_refused(groups: Any) -> None:
    with pytest.raises(IdentityError, match="--oidc-groups-claim"):
        Claims("sub", "groups").identity({"sub": "42", "groups": groups})


def test_the_number_of_groups_is_bounded() -> None:
    with pytest.raises(IdentityError, match="more than"):
        Identity("ana", tuple(f"g{number}" for number in range(MAX_GROUPS + 1)))
