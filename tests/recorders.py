"""Recorders as processes of their own, and the policies that let their account work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.account import INSTALL
from tests.kube import Kubectl, Operator

_POLICIES = str(INSTALL / "policies.yaml")


class RecorderProcess(Operator):
    """A recorder that can be killed."""

    COMMAND = "recorder"


@contextmanager
def installed_policies(kubectl: Kubectl) -> Iterator[None]:
    """The admission policies of an installation, for as long as the block: other tests of the
    cluster write statuses themselves."""
    kubectl("apply", "--server-side", "-f", _POLICIES)
    try:
        yield
    finally:
        kubectl("delete", "-f", _POLICIES)
