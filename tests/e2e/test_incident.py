"""An incident handled by real pods, in a namespace that enforces the restricted level."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kube import (
    ROOT,
    Kubectl,
    Operator,
    ended,
    eventually,
    execution,
    manifest,
    phases,
    workflow,
)
from tests.runner import allow_runner


@pytest.fixture
def shop(kubectl: Kubectl, operator: Operator) -> Kubectl:
    """A namespace in which shipped actions may work; the operator runs."""
    assert operator.pid
    allow_runner(kubectl)
    return kubectl


def test_an_ill_service_is_restarted_verified_and_its_incident_resolved(shop: Kubectl) -> None:
    shop("apply", "--server-side", "-f", str(ROOT / "dev/demo/service.yaml"))
    shop("apply", "--server-side", "-f", str(ROOT / "manifests/examples/incident-response.yaml"))
    shop("rollout", "status", "deployment/payments", "--timeout=60s")
    shop.create(execution("incident-response", "run", variables={"service": "payments"}))
    raw = ended(shop, "run", 180)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    expected = dict.fromkeys(raw["status"]["nodes"], "Succeeded") | {"escalate": "Skipped"}
    assert phases(raw) == expected
    assert raw["status"]["outputs"]["healthy"] is True
    assert raw["status"]["nodes"]["check"]["outputs"]["status"] == 503

    def resolved() -> Any:
        incident = shop.get("incident", raw["status"]["outputs"]["incident"])
        assert incident["spec"]["state"] == "Resolved"
        states = [
            entry["to"] for entry in incident["status"]["timeline"] if entry["field"] == "state"
        ]
        assert states == ["Open", "Acknowledged", "Resolved"]
        return incident

    assert "503" in eventually(resolved)["spec"]["title"]


def test_a_service_that_stays_ill_is_escalated(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "escalating",
            nodes=[
                {"name": "open", "action": "incident-create", "with": {"title": "web is gone"}},
                {
                    "name": "verify",
                    "action": "http-request",
                    "with": {"url": "http://web.invalid/", "timeout": "2s"},
                    "retry": {"limit": 1, "backoff": {"initial": "1s"}},
                    "timeout": "20s",
                },
                {
                    "name": "escalate",
                    "action": "incident-update",
                    "with": {
                        "name": "$[[ nodes.open.outputs.name ]]",
                        "severity": "Critical",
                        "escalation": "sre",
                        "summary": "$[[ nodes.verify.message ]]",
                    },
                },
            ],
            edges=[
                {"from": "open", "to": "verify"},
                {"from": "verify", "to": "escalate", "outcome": "Failed"},
            ],
        )
    )
    shop.create(execution("escalating", "run"))
    raw = ended(shop, "run", 120)
    assert phases(raw) == {"open": "Succeeded", "verify": "Failed", "escalate": "Succeeded"}
    assert raw["status"]["nodes"]["verify"]["attempts"] == 2
    assert raw["status"]["phase"] == "Succeeded"
    incident = shop.get("incident", raw["status"]["nodes"]["open"]["outputs"]["name"])
    assert incident["spec"]["severity"] == "Critical"
    assert "web.invalid" in incident["spec"]["summary"]


SLEEPER = manifest(
    "Template",
    "sleeper",
    {
        "action": {
            "terminationGracePeriod": "10s",
            "script": {
                "interpreter": "sh",
                "source": "trap 'echo asked to end; exit 3' TERM\necho sleeping\n"
                "while true; do sleep 0.2; done\n",
            },
        }
    },
)


def test_cancelling_asks_the_pod_to_end_and_keeps_it_with_its_log(shop: Kubectl) -> None:
    shop.apply(SLEEPER, workflow("long", nodes=[{"name": "sleep", "action": "local/sleeper"}]))
    shop.create(execution("long", "run"))
    logs = ("logs", "-l", "batch.kubernetes.io/job-name")
    eventually(lambda: "sleeping" in shop.attempt(*logs).stdout)
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    raw = ended(shop, "run")
    assert raw["status"]["phase"] == "Cancelled"
    assert phases(raw) == {"sleep": "Cancelled"}
    assert "asked to end" in shop(*logs)


@pytest.mark.parametrize(
    ("action", "reason", "words"),
    [
        ({"image": "example.invalid/none:1", "command": ["x"]}, "ImagePull", "example.invalid"),
        (
            {
                "command": ["true"],
                "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}],
            },
            "SecretMissing",
            "Secret no is missing: kubectl",
        ),
        (
            {"command": ["true"], "resources": {"requests": {"cpu": "400"}}},
            "Unschedulable",
            "Insufficient cpu",
        ),
    ],
)
def test_a_node_that_cannot_start_says_why_within_seconds(
    shop: Kubectl, action: dict[str, Any], reason: str, words: str
) -> None:
    shop.apply(
        manifest("Template", "stuck", {"action": action}),
        workflow("stuck", nodes=[{"name": "only", "action": "local/stuck"}]),
    )
    shop.create(execution("stuck", "run"))

    def told() -> bool:
        record = shop.get("awfx", "run").get("status", {}).get("nodes", {}).get("only", {})
        assert record.get("reason") == reason, record
        assert words in record["message"]
        return True

    eventually(told, 40)
    assert reason in shop("get", "awfx", "run")
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    assert ended(shop, "run")["status"]["phase"] == "Cancelled"
