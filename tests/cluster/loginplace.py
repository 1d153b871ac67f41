"""An API with a real OpenID provider, and browsers that log in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.apis import running_api
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, eventually
from tests.oidcprovider import CLIENT, SECRET, Browser, OidcProvider
from tests.planted import planted
from tests.receivers import steady_port

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
class LoginPlace:
    """An API that runs, its provider, and what another replica of it needs."""

    admin: Kubectl
    provider: OidcProvider
    external: str
    kubeconfig: Path
    folder: Path

    def browser(self) -> Browser:
        """A browser without cookies."""
        return Browser(self.external)

    def options(self, name: str, *keys: bytes) -> list[str]:
        """The options of a replica with these keys of sessions."""
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
        """The file of a replica's keys, which may run."""
        file = self.folder / f"{name}-keys"
        file.write_text("".join(f"{base64.b64encode(key).decode()}\n" for key in keys))
        return file

    def write_secret(self, name: str, secret: str) -> Path:
        """The file of a replica's secret at the provider."""
        file = self.folder / f"{name}-client-secret"
        file.write_text(f"{secret}\n")
        return file

    @contextmanager
    def replica(self, name: str, *keys: bytes) -> Iterator[str]:
        """Another replica with these keys; its own address."""
        log = self.folder / f"{name}.log"
        with running_api(self.kubeconfig, log, *self.options(name, *keys)) as anyone:
            yield f"http://127.0.0.1:{anyone.port}"


@contextmanager
def login_in_place(kubeconfig: Path, account: Path, folder: Path) -> Iterator[LoginPlace]:
    """An API for as long as the block; its provider is not started."""
    port = steady_port()
    external = f"http://127.0.0.1:{port}"
    callback = f"{external}/automation/callback"
    provider = OidcProvider(steady_port(), USERS, callback, folder / "provider.log")
    admin = fresh_namespace(Kubectl(kubeconfig))
    place = LoginPlace(admin, provider, external, account, folder)
    options = [*place.options("first", FIRST), f"--address=127.0.0.1:{port}"]
    with running_api(account, folder / "api.log", *options):
        try:
            yield place
        finally:
            provider.stop()


def workflows(place: LoginPlace, name: str = "") -> str:
    """The path of the namespace's Workflows, or of one of them."""
    return f"/workflows{name}?namespace={place.admin.namespace}"


def logged_in(place: LoginPlace, user: str) -> Browser:
    """A browser in which a user has logged in, whose rights are in effect."""
    browser = place.browser()
    done = browser.log_in(user)
    assert done.status_code == 303, done.text
    assert done.headers["Location"] == f"{place.external}/automation/me"
    eventually(lambda: browser("GET", workflows(place)).status_code == 200)
    return browser
