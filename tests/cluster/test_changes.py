"""Triggers that follow objects, on a real API server, with the rights of the installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, Operator, eventually, manifest, running_operator, workflow

EXAMPLES = ROOT / "manifests" / "examples"


@pytest.fixture(scope="module", autouse=True)
def operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log") as operator:
        yield operator


def example(kubectl: Kubectl, name: str) -> None:
    """Apply an example, and wait until its Trigger is ready or says why not."""
    kubectl("apply", "--server-side", "-f", str(EXAMPLES / f"{name}.yaml"))
    for raw in kubectl.get("trigger")["items"]:
        eventually(lambda raw=raw: ready(kubectl, raw["metadata"]["name"]))  # type: ignore[misc]


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    conditions = kubectl.get("trigger", name).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {})


def variables(kubectl: Kubectl, target: str) -> list[dict[str, Any]]:
    """The variables of a workflow's executions."""
    items = kubectl.get("awfx")["items"]
    return [raw["spec"]["variables"] for raw in items if raw["spec"]["workflow"] == target]


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def deployment(name: str, replicas: int = 0, image: str = "web:1") -> dict[str, Any]:
    """One without replicas is rolled out at once; no pod of another ever starts."""
    labels = {"app": name, "team": "shop"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [{"name": "web", "image": image}],
                    "nodeSelector": {"there": "is-none"},
                },
            },
        },
    }


def test_rollouts_of_the_real_controller_start_the_example_once_each_across_a_kill(
    kubectl: Kubectl, operator: Operator
) -> None:
    example(kubectl, "trigger-deployment")
    assert ready(kubectl, "on-rollout")["status"] == "True"

    def outcomes() -> list[tuple[str, str]]:
        found = variables(kubectl, "after-rollout")
        return sorted((each["deployment"], each["outcome"]) for each in found)

    kubectl.apply(deployment("web"))
    eventually(lambda: outcomes() == [("web", "Finished")])
    operator.kill()
    kubectl.apply(deployment("api", replicas=1))  # while no operator runs
    kubectl("annotate", "deployment", "web", "seen=yes")
    operator.start()
    eventually(lambda: outcomes() == [("api", "Failed"), ("web", "Finished")])
    kubectl("annotate", "deployment", "web", "seen=again", "--overwrite")
    kubectl.apply(deployment("web", image="web:2"))
    both = [("web", "Finished"), ("web", "Finished")]
    eventually(lambda: outcomes() == [("api", "Failed"), *both])
    revisions = {
        raw["spec"]["trigger"]["event"]["revision"]
        for raw in kubectl.get("awfx")["items"]
        if raw["spec"]["trigger"]["event"]["name"] == "web"
    }
    assert revisions == {"1", "2"}


def test_incidents_start_the_example_for_each_transition(kubectl: Kubectl) -> None:
    example(kubectl, "trigger-incident")
    kubectl.apply(
        manifest("Incident", "down", {"title": "the shop is down", "severity": "Critical"}),
        manifest("Incident", "slow", {"title": "the shop is slow", "severity": "Low"}),
    )
    opened = {"incident": "down", "headline": "Opened: the shop is down (Critical)"}
    eventually(lambda: variables(kubectl, "report-incident") == [opened])
    escalated = {"spec": {"escalation": "sre-leads", "state": "Acknowledged"}}
    kubectl("patch", "incident", "down", "--type=merge", "-p", json.dumps(escalated))
    eventually(lambda: len(variables(kubectl, "report-incident")) == 2)
    headlines = {each["headline"] for each in variables(kubectl, "report-incident")}
    assert "Escalated: the shop is down (Critical)" in headlines


def event(name: str, pod: str, **fields: Any) -> dict[str, Any]:
    """A Kubernetes Event as a kubelet creates it."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": f"u-{pod}"},
        "reason": "BackOff",
        "type": "Warning",
        "message": "Back-off restarting failed container",
        "count": 1,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "source": {"component": "kubelet"},
        **fields,
    }


def test_kubernetes_events_start_the_example_once_in_a_window(kubectl: Kubectl) -> None:
    example(kubectl, "trigger-kubernetes-event")
    for raw in (
        event("a.1", "web-1"),
        event("a.2", "web-1", message="another container"),
        event("b.1", "web-2", reason="Pulled", type="Normal"),
        event("c.1", "web-3"),
    ):
        raw["involvedObject"]["namespace"] = kubectl.namespace
        kubectl.create(raw)
    again = {"count": 2, "lastTimestamp": now()}
    kubectl("patch", "event", "a.1", "--type=merge", "-p", json.dumps(again))
    counts = {"received": 4, "started": 2, "deduplicated": 2}
    eventually(lambda: kubectl.get("trigger", "on-crash-loop")["status"].get("counts") == counts)
    pods = sorted(each["pod"] for each in variables(kubectl, "triage"))
    assert pods == ["web-1", "web-3"]


def test_objects_of_any_kind_start_the_example_once_the_right_is_granted(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", str(EXAMPLES / "trigger-resource.yaml"))
    eventually(lambda: ready(kubectl, "on-settings").get("reason") == "ResourceForbidden")
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "labels": {"reload": "true", "deployment": "web"}},
        "data": {"colour": "blue"},
    }
    kubectl.apply(config_map)
    kubectl.apply({**config_map, "data": {"colour": "red"}})
    # The message is what an administrator runs.
    _, _, commands = ready(kubectl, "on-settings")["message"].partition("allow it: ")
    for command in commands.split(" && "):
        kubectl(*command.split()[1:])
    eventually(lambda: ready(kubectl, "on-settings")["status"] == "True", 90)
    eventually(lambda: variables(kubectl, "reload") == [{"deployment": "web"}])


def test_what_is_not_there_or_not_of_a_namespace_is_reported(kubectl: Kubectl) -> None:
    cases = {
        "unknown": ({"apiVersion": "v1", "kind": "Pode"}, "ResourceUnknown", "did you mean 'Pod'"),
        "nowhere": ({"apiVersion": "example.com/v1", "kind": "Car"}, "ResourceUnknown", "Car"),
        "cluster": ({"apiVersion": "v1", "kind": "Node"}, "ResourceForbidden", "cluster-scoped"),
        "secret": ({"apiVersion": "v1", "resource": "secrets"}, "InvalidSpec", "Secrets"),
    }
    kubectl.apply(workflow("w", nodes=[{"name": "a", "transform": {"x": "1"}}]))
    for name, (settings, reason, _) in cases.items():
        resource = {**settings, "changes": ["Added"]}
        kubectl.apply(manifest("Trigger", name, {"workflow": "w", "resource": resource}))
        eventually(lambda: ready(kubectl, name).get("reason") == reason)  # noqa: B023
    said = {name: ready(kubectl, name)["message"] for name in cases}
    assert [
        name for name, case in cases.items() if case[2] not in said[name] and name != "nowhere"
    ] == []


TYPES: dict[str, dict[str, Any]] = {
    "deployment": {"outcomes": ["Finished"]},
    "incident": {},
    "kubernetesEvent": {"reasons": ["BackOff"]},
    "resource": {"apiVersion": "v1", "kind": "ConfigMap", "changes": ["Added", "Modified"]},
}


def happen(kubectl: Kubectl) -> None:
    """Let everything happen that the Triggers of all types listen to."""
    kubectl.apply(deployment("web"), manifest("Incident", "down", {"title": "down"}))
    raw = event("a.1", "web-1")
    raw["involvedObject"]["namespace"] = kubectl.namespace
    kubectl.create(raw)
    kubectl("create", "configmap", "settings")


def test_a_trigger_learns_nothing_of_another_namespace(kubectl: Kubectl) -> None:
    """Whatever it names: neither its settings nor the operator's rights reach further."""
    other = fresh_namespace(kubectl)
    role = ["--verb=list,watch", "--resource=configmaps"]
    for each in (kubectl, other):
        each("create", "role", "watch", *role)
        subject = "--serviceaccount=itechsmart-workflow:itechsmart-workflow-operator"
        each("create", "rolebinding", "watch", "--role=watch", subject)
    kubectl.apply(workflow("w", nodes=[{"name": "a", "transform": {"x": "1"}}]))
    for key, settings in TYPES.items():
        name = key.lower()
        kubectl.apply(manifest("Trigger", name, {"workflow": "w", key: settings}))
        eventually(lambda: ready(kubectl, name).get("status") == "True")  # noqa: B023
    happen(other)
    happen(kubectl)

    def received() -> dict[str, int]:
        items = kubectl.get("trigger")["items"]
        return {
            raw["metadata"]["name"]: raw["status"].get("counts", {}).get("received", 0)
            for raw in items
        }

    expected = dict.fromkeys(map(str.lower, TYPES), 1)
    eventually(lambda: received() == expected)
    for raw in kubectl.get("awfx")["items"]:
        data = raw["spec"]["trigger"]["event"]
        about = data.get("object", {}).get("namespace") or data.get("namespace")
        assert about == kubectl.namespace
    assert other.get("awfx")["items"] == []


def test_a_person_starts_the_example_once_for_a_request(kubectl: Kubectl) -> None:
    example(kubectl, "trigger-manual")
    orchestrator = CommandLine(kubectl.kubeconfig, kubectl.namespace)
    command = ("trigger", "run", "restart-service", "--input", "service=shop")
    request = ("--request-id", "change-4711")
    assert orchestrator(*command, *request).returncode == 0
    again = orchestrator(*command, *request)
    assert again.returncode == 5
    assert "request change-4711 of trigger/restart-service was made before" in again.stderr
    assert orchestrator(*command[:-1], "service=bank").returncode == 2
    (raw,) = kubectl.get("awfx")["items"]
    assert raw["spec"]["variables"] == {"service": "shop"}
    assert raw["spec"]["requester"]
    assert "trigger" not in raw["spec"]


def test_what_is_over_the_rate_limit_waits_for_its_slot(kubectl: Kubectl) -> None:
    nodes = [{"name": "a", "transform": {"x": "1"}}]
    settings = {"deployment": {"outcomes": ["Finished"]}, "workflow": "w"}
    limit = {"limit": 1, "period": "10s"}
    kubectl.apply(
        workflow("w", nodes=nodes),
        manifest("Trigger", "queue", {**settings, "rateLimit": limit}),
        manifest("Trigger", "newest", {**settings, "rateLimit": {**limit, "policy": "Newest"}}),
    )
    for name in ("queue", "newest"):
        eventually(lambda: ready(kubectl, name).get("status") == "True")  # noqa: B023
    kubectl.apply(*(deployment(f"web-{number}") for number in range(3)))

    def reasons(name: str) -> list[str]:
        items = [
            raw for raw in kubectl.get("awfx")["items"] if raw["spec"]["trigger"]["name"] == name
        ]
        return sorted(raw.get("status", {}).get("reason", "") for raw in items)

    eventually(lambda: reasons("queue") == ["Completed", "RateLimited", "RateLimited"])
    eventually(lambda: reasons("newest") in (["Completed", "RateLimited", "Replaced"],
                                             ["Completed", "Completed", "Replaced"]))  # fmt: skip
    eventually(lambda: reasons("queue") == ["Completed"] * 3)
    eventually(lambda: reasons("newest") == ["Completed", "Completed", "Replaced"])


def test_what_an_action_writes_continues_its_chain(kubectl: Kubectl) -> None:
    """A workflow rolls out the Deployment whose rollouts start it."""
    kubectl.apply(deployment("web"))
    context = {
        "namespace": kubectl.namespace, "workflow": "w", "execution": "run", "uid": "u-run",
        "node": "restart", "iteration": 0, "index": None, "attempt": 1, "key": "u-run/restart/0",
        "chain": "3/u-root",
    }  # fmt: skip
    environ = {
        **os.environ,
        "KUBECONFIG": str(kubectl.kubeconfig),
        "PYTHONPATH": str(ROOT / "operator"),
        "CONTEXT": json.dumps(context),
        "PARAMS": json.dumps({"kind": "Deployment", "name": "web"}),
        "OUTPUTS": os.devnull,
    }
    kubectl.apply(
        workflow("w", nodes=[{"name": "a", "transform": {"x": "1"}}]),
        manifest("Trigger", "loop", {"workflow": "w", "deployment": {}}),
    )
    eventually(lambda: ready(kubectl, "loop").get("status") == "True")
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "action", "rollout-restart"],
        env=environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    def of_the_restart() -> list[dict[str, Any]]:
        triggers = [raw["spec"]["trigger"] for raw in kubectl.get("awfx")["items"]]
        return [each for each in triggers if each["event"]["revision"] == "2"]

    (started,) = eventually(of_the_restart)
    assert (started["depth"], started["root"]) == (4, "u-root")
