"""Credentials as kubeconfigs give them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import ConfigException

from orchestrator.controller.apiserver.credentials import load


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
    credentials = load(kubeconfig(tmp_path, {"token": "secret-token"}))
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
    assert await load(kubeconfig(tmp_path, user)).authorization() == "Bearer from-plugin"


async def test_without_a_user_nothing_is_sent(tmp_path: Path) -> None:
    credentials = load(kubeconfig(tmp_path, {}, **{"insecure-skip-tls-verify": True}))
    assert await credentials.authorization() is None
    assert credentials.insecure


def test_without_a_kubeconfig_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigException, match="No configuration found"):
        load(str(tmp_path / "none"))
