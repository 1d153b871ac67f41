"""People who hold one role each, with the policies in place and an operator at work.

run, app, sig and ctl hold the role of that name alone, view and edit Kubernetes' own, dot all of
oncall; cas starts what the others try their rights on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.account import INSTALL
from tests.cluster.test_people import Place, until_in_effect
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, running_operator
from tests.people import person

ROLES = {
    "run": "itechsmart-workflow-run",
    "cas": "itechsmart-workflow-run",
    "app": "itechsmart-workflow-approve",
    "bob": "itechsmart-workflow-approve",
    "sig": "itechsmart-workflow-signal",
    "ctl": "itechsmart-workflow-control",
    "view": "view",
    "edit": "edit",
    "dot": "itechsmart-workflow-oncall",
}
GROUPS = {"app": ("sre",), "bob": ("sre",), "dot": ("sre",)}
POLICIES = str(INSTALL / "policies.yaml")


@contextmanager
def roles_in_place(kubeconfig: Path, account: Path, folder: Path) -> Iterator[Place]:
    """A namespace in which each of them holds one role."""
    admin = fresh_namespace(Kubectl(kubeconfig))
    admin("apply", "--server-side", "-f", POLICIES)
    people = {}
    for user, role in ROLES.items():
        people[user] = person(kubeconfig, folder, user, *GROUPS.get(user, ()))
        admin("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
    place = Place(admin, people)
    until_in_effect(place)
    with running_operator(account, folder / "log"):
        yield place
    admin("delete", "-f", POLICIES)
