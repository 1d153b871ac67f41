"""The admission policies of an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kube import Kubectl
from tests.service_accounts import INSTALL

POLICIES = str(INSTALL / "policies.yaml")


@contextmanager
def installed_policies(kubectl: Kubectl) -> Iterator[None]:
    """The admission policies of an installation, removed when the context exits: other tests of
    the cluster write statuses themselves."""
    kubectl("apply", "--server-side", "-f", POLICIES)
    try:
        yield
    finally:
        kubectl("delete", "-f", POLICIES)
