"""The receiver's options, and the grant of Secrets to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cli.receiver_options import receiver_address
from orchestrator.process.certificate import CertificateFiles
from orchestrator.receiver.server import Address
from orchestrator.session.errors import UsageError
from tests.unit.cli.conftest import CliEnvironment

CERTIFICATE, KEY, AUTHORITY = Path("tls.crt"), Path("tls.key"), Path("ca.crt")
PUSHES: dict[str, Any] = {
    "workflow": "w",
    "webhook": {
        "github": {"secrets": [{"name": "github", "key": "new"}, {"name": "old", "key": "x"}]}
    },
}


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("10.0.0.1:8443", "10.0.0.1", 8443), (":8090", "", 8090), ("[::1]:0", "::1", 0)],
)
def test_an_address_has_a_host_or_none(address: str, host: str, port: int) -> None:
    assert receiver_address(address, None, None, None) == Address(host, port)
    files = CertificateFiles(CERTIFICATE, KEY)
    with_tls = receiver_address(address, CERTIFICATE, KEY, AUTHORITY)
    assert with_tls == Address(host, port, files, AUTHORITY)


@pytest.mark.parametrize(
    ("address", "files", "said"),
    [
        ("8090", (None, None, None), "--address 8090: write HOST:PORT"),
        (":x", (None, None, None), "--address :x: write HOST:PORT"),
        (":70000", (None, None, None), "--address :70000: write HOST:PORT"),
        (":1", (CERTIFICATE, None, None), "--tls-key: write it as well"),
        (":1", (None, KEY, None), "--tls-certificate: write it as well"),
        (":1", (None, None, AUTHORITY), "--client-ca: write --tls-certificate and --tls-key"),
    ],
)
def test_what_is_missing_is_named(
    address: str, files: tuple[Path | None, Path | None, Path | None], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        receiver_address(address, *files)
    assert str(refused.value).startswith(said)


def granted(out: str) -> list[dict[str, Any]]:
    return [raw for raw in yaml.safe_load_all(out) if raw]


def test_a_grant_names_the_secrets_of_the_trigger_and_nothing_else(env: CliEnvironment) -> None:
    env.put("Trigger", "pushes", spec=PUSHES)
    done = env("trigger", "grant", "pushes")
    role, binding = granted(done.out)
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["github", "old"],
            "verbs": ["get"],
        }
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"] == "receiver:pushes"
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"]
    assert binding["subjects"] == [
        {
            "kind": "ServiceAccount",
            "name": "itechsmart-workflow-receiver",
            "namespace": "itechsmart-workflow",
        }
    ]


def test_a_grant_of_a_file_needs_no_trigger_on_the_cluster(
    env: CliEnvironment, tmp_path: Path
) -> None:
    manifest = {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "Trigger",
        "metadata": {"name": "pushes", "namespace": "shop"},
        "spec": PUSHES,
    }
    file = tmp_path / "trigger.yaml"
    file.write_text(yaml.safe_dump(manifest))
    done = env("trigger", "grant", "-f", str(file), "--receiver", "tools/hooks")
    role, binding = granted(done.out)
    assert role["metadata"]["namespace"] == "shop"
    assert (binding["subjects"][0]["namespace"], binding["subjects"][0]["name"]) == (
        "tools",
        "hooks",
    )


def test_a_trigger_without_secrets_needs_no_grant(env: CliEnvironment) -> None:
    env.put("Trigger", "call", spec={"workflow": "w", "apiEndpoint": {}})
    done = env("trigger", "grant", "call")
    assert (done.code, done.out) == (0, "")
    assert "trigger/call needs no Secret" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name Triggers, or a file with one: -f FILE"),
        (["x", "--receiver", "hooks"], "--receiver hooks: write NAMESPACE/NAME"),
        (["missing"], "missing"),
    ],
)
def test_a_grant_of_nothing_is_refused(
    env: CliEnvironment, arguments: list[str], said: str
) -> None:
    done = env("trigger", "grant", *arguments)
    assert done.code != 0
    assert said in done.err
