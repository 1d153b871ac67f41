"""The options of the login of browsers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.kube import ROOT
from tests.unit.cli.conftest import CliEnvironment

NEEDED = {
    "oidc-issuer": "https://login.example.com",
    "oidc-client-id": "workflow",
    "external-url": "https://automation.example.com",
}


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CliEnvironment]:
    env = CliEnvironment(tmp_path)
    yield env
    env.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oidc-issuer": ""}, "--external-url: write --oidc-issuer as well"),
        ({"oidc-client-id": ""}, "--oidc-client-id: write it as well"),
        ({"external-url": ""}, "--external-url: write it as well"),
        ({"session-key-file": ""}, "--session-key-file: write it as well"),
        ({"oidc-issuer": "http://login.example.com"}, "--oidc-issuer http://login.example.com: w"),
        ({"external-url": "http://a.example.com"}, "--external-url http://a.example.com: write an"),
        ({"external-url": "https://a/b"}, "--external-url https://a/b: write only the scheme"),
        ({"oidc-scopes": "email"}, "--oidc-scopes email: openid must be one of them"),
        ({"oidc-groups-filter": "k8s-"}, "--oidc-groups-filter: write --oidc-groups-claim as well"),
        ({"oidc-username-claim": " "}, "--oidc-username-claim: write the name of a claim"),
        ({"session-lifetime": "8d"}, "--session-lifetime 8d: write between 1m and 7d"),
        ({"session-lifetime": "soon"}, "--session-lifetime soon: not a duration"),
        ({"oidc-client-secret-file": "/none"}, "--oidc-client-secret-file /none: No such file"),
        ({"oidc-ca-file": "/none"}, "--oidc-ca-file /none: No such file"),
    ],
)
def test_a_wrong_option_is_named(
    env: CliEnvironment, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(base64.b64encode(b"k" * 32).decode())
    given = {**NEEDED, "session-key-file": str(keys), **change}
    done = env("api", *(f"--{name}={value}" for name, value in given.items() if value))
    assert (done.code, done.err.startswith(f"error: {said}")) == (2, True), done.err


def test_the_options_of_the_manifests_are_accepted(env: CliEnvironment, tmp_path: Path) -> None:
    (tmp_path / "session-keys").write_text(base64.b64encode(b"k" * 32).decode())
    (tmp_path / "client-secret").write_text("secret")
    steps = yaml.safe_load((ROOT / "manifests/api-oidc/login.yaml").read_text())
    [arguments] = [step["value"] for step in steps if step["path"].endswith("/args")]
    done = env(*(argument.replace("/etc/login", str(tmp_path)) for argument in arguments))
    assert "--oidc-issuer needs a token of an account" in done.err  # all of them were read


def test_a_wrong_key_is_named_by_its_line(env: CliEnvironment, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("c2hvcnQ=")
    options = [f"--{name}={value}" for name, value in NEEDED.items()]
    done = env("api", *options, f"--session-key-file={keys}")
    assert f"--session-key-file {keys}: line 1 has 5 bytes" in done.err
    assert "c2hvcnQ" not in done.err


def test_an_account_without_a_token_cannot_impersonate(env: CliEnvironment, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(base64.b64encode(b"k" * 32).decode())
    options = [f"--{name}={value}" for name, value in NEEDED.items()]
    done = env("api", "--address=127.0.0.1:0", *options, f"--session-key-file={keys}")
    assert done.code == 2
    assert "--oidc-issuer needs a token of an account" in done.err
