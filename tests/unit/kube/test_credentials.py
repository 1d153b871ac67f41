"""Credentials as kubeconfigs and pods give them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.kube.access import AccessError, load, of_pod, server_of_pod
from orchestrator.kube.credentials import Credentials


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: Any) -> str:
    """A kubeconfig with one user of one cluster."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example.com/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def test_a_token_is_sent_as_bearer(tmp_path: Path) -> None:
    credentials = Credentials(load(kubeconfig(tmp_path, {"token": "secret-token"})))
    assert credentials.server == "https://api.example.com"
    assert await credentials.authorization() == "Bearer secret-token"


async def test_a_plugin_is_asked_for_a_token(tmp_path: Path) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin = tmp_path / "plugin.py"
    plugin.write_text(f"print({json.dumps(json.dumps(answer))})")
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
            "interactiveMode": "Never",
        }
    }
    assert (
        await Credentials(load(kubeconfig(tmp_path, user))).authorization() == "Bearer from-plugin"
    )


async def test_without_a_user_nothing_is_sent(tmp_path: Path) -> None:
    credentials = Credentials(load(kubeconfig(tmp_path, {}, **{"insecure-skip-tls-verify": True})))
    assert await credentials.authorization() is None
    assert credentials.access.insecure


def test_without_a_kubeconfig_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="No configuration found"):
        load(str(tmp_path / "none"))


def pod(folder: Path) -> dict[str, str]:
    """The environment of a pod whose service account is mounted in a folder."""
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_text("a certificate")
    return {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_pod_sends_the_token_that_the_kubelet_wrote_last(tmp_path: Path) -> None:
    access = of_pod(pod(tmp_path), tmp_path)
    assert access.server == "https://10.0.0.1:443"
    assert access.ca_file == str(tmp_path / "ca.crt")
    assert access.authorization() == "Bearer first"
    (tmp_path / "token").write_text("second")
    assert access.authorization() == "Bearer second"


def test_an_ipv6_address_is_bracketed(tmp_path: Path) -> None:
    environ = {**pod(tmp_path), "KUBERNETES_SERVICE_HOST": "fd00::1"}
    assert of_pod(environ, tmp_path).server == "https://[fd00::1]:443"


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_a_pod_without_a_service_account_says_what_is_missing(tmp_path: Path, missing: str) -> None:
    environ = pod(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(AccessError, match=missing):
        of_pod(environ, tmp_path)


def test_the_server_of_a_pod_needs_no_token(tmp_path: Path) -> None:
    environ = pod(tmp_path)
    (tmp_path / "token").unlink()
    access = server_of_pod(environ, tmp_path)
    assert (access.server, access.authorization()) == ("https://10.0.0.1:443", None)
    assert access.ca_file == str(tmp_path / "ca.crt")


def test_outside_of_a_pod_it_says_so() -> None:
    with pytest.raises(AccessError, match="not running in a pod"):
        of_pod({})
