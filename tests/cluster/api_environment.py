"""An environment with the REST API and users of several roles in one of two namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.api_process import ApiUser, running_api, token_of
from tests.conftest import fresh_namespace
from tests.kube import Kubectl


@dataclass(frozen=True)
class ApiEnvironment:
    """A running API, two namespaces, and users of several roles in the first."""

    admin: Kubectl
    other: Kubectl
    users: dict[str, ApiUser]

    def __getitem__(self, user: str) -> ApiUser:
        return self.users[user]

    @property
    def namespace(self) -> str:
        """The namespace in which the users have their roles."""
        return self.admin.namespace


@contextmanager
def api_environment(kubeconfig: Path, folder: Path, *options: str) -> Iterator[ApiEnvironment]:
    """A running API; the user `none` has no role, `admin` all rights everywhere."""
    admin, other = fresh_namespace(Kubectl(kubeconfig)), fresh_namespace(Kubectl(kubeconfig))
    tokens = {
        "none": token_of(admin, "none"),
        "view": token_of(admin, "view", "view"),
        "edit": token_of(admin, "edit", "edit"),
        "oncall": token_of(admin, "oncall", "itechsmart-workflow-oncall"),
        "admin": token_of(admin, "admin", "cluster-admin", everywhere=True),
    }
    with running_api(kubeconfig, folder / "api.log", *options) as anyone:
        users = {name: anyone.within(token) for name, token in tokens.items()}
        yield ApiEnvironment(admin, other, {**users, "anyone": anyone})
