"""An environment with users who have one role each.

run, app, sig and ctl have the role of that name, view and edit those of Kubernetes, dot has oncall;
cas starts the executions on which the others try their rights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.admission_policies import POLICIES
from tests.cluster.user_environment import UserEnvironment, until_in_effect
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, running_operator
from tests.users import user_kubeconfig

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


@contextmanager
def roles_environment(kubeconfig: Path, account: Path, folder: Path) -> Iterator[UserEnvironment]:
    """A namespace with a user for each role, with the policies in effect and a running operator."""
    admin = fresh_namespace(Kubectl(kubeconfig))
    admin("apply", "--server-side", "-f", POLICIES)
    people = {}
    for user, role in ROLES.items():
        people[user] = user_kubeconfig(kubeconfig, folder, user, *GROUPS.get(user, ()))
        admin("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
    env = UserEnvironment(admin, people)
    until_in_effect(env)
    with running_operator(account, folder / "log"):
        yield env
    admin("delete", "-f", POLICIES)
