"""An environment with the REST API and a real OpenID provider."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.ports import stable_port
from tests.api_process import running_api
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, eventually
from tests.oidc_provider import CLIENT, SECRET, Browser, OidcProvider
from tests.planted import planted

FIRST, SECOND = (planted(f"session-key-{number}").ljust(48, "=").encode() for number in (1, 2))
USERS: dict[str, Any] = {
    "ana": {"email": "ana@example.com", "email_verified": True, "groups": ["sre", "équipe"]},
    "bob": {"email": "bob@example.com", "email_verified": True, "groups": ["shop"]},
    "plain": {"email": "plain@example.com", "email_verified": True},
    "eve": {"email": "eve@example.com", "email_verified": False},
    "system:admin": {"email": "system:admin", "email_verified": True},
    "root": {"email": "root@example.com", "email_verified": True, "groups": ["system:masters"]},
    "many": {
        "email": "many@example.com",
        "email_verified": True,
        "groups": [f"department-{number:04}" for number in range(300)],
    },
}


@dataclass(frozen=True)
class LoginEnvironment:
    """A running API and its OpenID provider, and what further replicas need."""

    admin: Kubectl
    provider: OidcProvider
    external: str
    kubeconfig: Path
    folder: Path

    def browser(self) -> Browser:
        """A browser without cookies."""
        return Browser(self.external)

    def options(self, name: str, *keys: bytes) -> list[str]:
        """The options of a replica with these session keys."""
        file = self.write_keys(name, *keys)
        secret = self.write_secret(name, SECRET)
        return [
            f"--external-url={self.external}",
            f"--oidc-issuer={self.provider.issuer}",
            f"--oidc-client-id={CLIENT}",
            f"--oidc-client-secret-file={secret}",
            "--oidc-username-claim=email",
            "--oidc-groups-claim=groups",
            "--oidc-scopes=openid,email,groups",
            f"--session-key-file={file}",
        ]

    def write_keys(self, name: str, *keys: bytes) -> Path:
        """Write the session keys of a replica, which may be running."""
        file = self.folder / f"{name}-keys"
        file.write_text("".join(f"{base64.b64encode(key).decode()}\n" for key in keys))
        return file

    def write_secret(self, name: str, secret: str) -> Path:
        """Write the client secret of a replica."""
        file = self.folder / f"{name}-client-secret"
        file.write_text(f"{secret}\n")
        return file

    @contextmanager
    def replica(self, name: str, *keys: bytes) -> Iterator[str]:
        """The address of another running replica, with these keys."""
        log = self.folder / f"{name}.log"
        with running_api(self.kubeconfig, log, *self.options(name, *keys)) as anyone:
            yield f"http://127.0.0.1:{anyone.port}"


@contextmanager
def login_environment(kubeconfig: Path, account: Path, folder: Path) -> Iterator[LoginEnvironment]:
    """A running API, whose provider is not started."""
    port = stable_port()
    external = f"http://127.0.0.1:{port}"
    callback = f"{external}/automation/callback"
    provider = OidcProvider(stable_port(), USERS, callback, folder / "provider.log")
    admin = fresh_namespace(Kubectl(kubeconfig))
    env = LoginEnvironment(admin, provider, external, account, folder)
    options = [*env.options("first", FIRST), f"--address=127.0.0.1:{port}"]
    with running_api(account, folder / "api.log", *options):
        try:
            yield env
        finally:
            provider.stop()


def workflows(env: LoginEnvironment, name: str = "") -> str:
    """The path of the namespace's Workflows, or of one of them."""
    return f"/workflows{name}?namespace={env.admin.namespace}"


def logged_in(env: LoginEnvironment, user: str) -> Browser:
    """A browser with the session of a user whose roles are in effect."""
    browser = env.browser()
    done = browser.log_in(user)
    assert done.status_code == 303, done.text
    assert done.headers["Location"] == f"{env.external}/automation/me"
    eventually(lambda: browser("GET", workflows(env)).status_code == 200)
    return browser
