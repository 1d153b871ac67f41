"""Actions in the image, as real pods, and on real pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.images import name as image_name
from tests.e2e.environment import POD, RESTRICTED
from tests.examples import example
from tests.kube import Kubectl, eventually, execution
from tests.runner import allow_runner, context, make_runner

PROVES = {
    "kubelet and containers": [
        "exec", "pod-logs", "rollback-deployment", "rollout-restart", "rollout-status", "run-job",
        "wait-for",
    ]
}  # fmt: skip


def pod(name: str, *command: str, environ: dict[str, str] | None = None, **spec: Any) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": POD,
            "terminationGracePeriodSeconds": 5,
            "volumes": [{"name": "tmp", "emptyDir": {}}],
            "containers": [
                {
                    "name": "main",
                    "image": image_name(),
                    "command": list(command),
                    "env": [
                        {"name": key, "value": value} for key, value in (environ or {}).items()
                    ],
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    "securityContext": RESTRICTED,
                }
            ],
            **spec,
        },
    }


def terminated(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """The state of the pod's container once it has ended."""

    def state() -> Any:
        statuses = kubectl.get("pod", name)["status"].get("containerStatuses") or [{}]
        return statuses[0].get("state", {}).get("terminated")

    ended: dict[str, Any] = eventually(state)
    return ended


def action(kubectl: Kubectl, name: str, parameters: dict[str, Any], **spec: Any) -> dict[str, Any]:
    environ = {
        "PARAMS": json.dumps(parameters),
        "OUTPUTS": "/dev/termination-log",
        "CONTEXT": context(kubectl.namespace, "u1"),
    }
    kubectl.apply(pod(name, "orchestrator", "action", name, environ=environ, **spec))
    return terminated(kubectl, name)


def test_the_image_runs_actions_as_restricted_pods(kubectl: Kubectl) -> None:
    port = {"name": "web", "port": 80, "targetPort": 8080}
    kubectl.apply(
        pod("web", "python3", "-m", "http.server", "8080", "--directory", "/tmp"),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [port]},
        },
    )
    # A pod is ready before its server listens, and that before the node's proxy leads to it.
    ask = "until python3 -c 'from urllib.request import urlopen; urlopen(\"http://web/\")'"
    kubectl.apply(pod("ask", "sh", "-c", f"{ask}; do sleep 0.2; done"))
    assert terminated(kubectl, "ask")["exitCode"] == 0
    ended = action(kubectl, "http-request", {"url": "http://web/"})
    outputs = json.loads(ended["message"])
    assert (ended["exitCode"], outputs["status"]) == (0, 200), ended
    assert "GET http://web/" in kubectl("logs", "http-request")

    script = 'echo "$0 $1"; id -u; printf \'{"n": 1}\' > "$RESULT"'
    ended = action(kubectl, "run-script", {"script": script, "args": ["$(id)"]})
    outputs = json.loads(ended["message"])
    assert outputs["result"] == {"n": 1}
    assert outputs["stdout"].endswith("$(id)\n65532\n")


def test_an_action_uses_the_service_account_of_its_pod(kubectl: Kubectl) -> None:
    allow_runner(kubectl)
    ended = action(
        kubectl, "incident-create", {"title": "x"}, serviceAccountName="automation-runner"
    )
    assert ended["exitCode"] == 0, ended
    incident = json.loads(ended["message"])["name"]
    assert kubectl.get("incident", incident)["spec"]["title"] == "x"


def test_a_cancelled_action_ends_at_once(kubectl: Kubectl) -> None:
    script = "echo ready; exec sleep 1000"
    environ = {
        "PARAMS": json.dumps({"script": script}),
        "OUTPUTS": "/dev/termination-log",
    }
    long = pod("long", "orchestrator", "action", "run-script", environ=environ)
    long["metadata"]["finalizers"] = ["automation.itechsmart.dev/test"]  # to see how it ended
    long["spec"]["terminationGracePeriodSeconds"] = 60
    kubectl.apply(long)
    eventually(lambda: "ready" in kubectl.attempt("logs", "long").stdout)
    kubectl("delete", "pod", "long", "--wait=false")
    ended = terminated(kubectl, "long")
    kubectl("patch", "pod", "long", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    # 137 would say that it was killed after its grace
    assert (ended["exitCode"], ended["message"]) == (143, "stopped by SIGTERM")


def test_logs_and_rollout_of_a_real_deployment(kubectl: Kubectl, tmp_path: Path) -> None:
    runner = make_runner(kubectl, tmp_path, "manifests")
    template = pod("web", "sh", "-c", "echo one; echo two; exec sleep 1000")
    template["spec"]["restartPolicy"] = "Always"
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {**template["spec"], "terminationGracePeriodSeconds": 1},
                },
            },
        }
    )
    ended = runner("rollout-status", name="web", timeout="60s")
    assert (ended.outputs["replicas"], ended.outputs["ready"]) == (1, 1), ended
    (parameters,) = example("pod-logs")
    logs = runner("pod-logs", **parameters)
    assert logs.outputs["text"] == "one\ntwo"
    (name,) = logs.outputs["pods"]
    assert runner("pod-logs", name=name, lines=1).outputs["text"] == "two"
    previous = runner("pod-logs", name=name, previous=True)
    assert "previous terminated container" in previous.outputs["text"]

    assert runner("rollout-restart", name="web").outputs["revision"] == 2
    ended = runner("rollout-status", name="web", timeout="60s")
    assert (ended.code, ended.outputs["revision"]) == (0, 2), ended
    assert runner("pod-logs", selector="app=web").outputs["pods"] != [name]

    images = {"main": "registry.invalid/none:1"}
    ended = runner(
        "deploy-application", name="web", images=images, timeout="60s", podFailureTimeout="1s"
    )
    assert ended.code == 65, ended
    assert "ImagePull" in ended.message
    assert "registry.invalid" in ended.message
    back = runner("rollback-deployment", name="web", timeout="60s")
    assert (back.code, back.outputs["toRevision"], back.outputs["ready"]) == (0, 2, 1), back


def test_a_command_in_a_real_container_and_a_real_job(kubectl: Kubectl, tmp_path: Path) -> None:
    runner = make_runner(kubectl, tmp_path, "commands", "jobs")
    kubectl.apply(pod("web", "sh", "-c", "exec sleep 1000"))
    ready = runner("wait-for", kind="Pod", name="web", condition="Ready", timeout="60s")
    assert ready.code == 0, ready.message
    (parameters,) = example("exec")
    assert runner("exec", **parameters).outputs["stdout"] == "web\n"
    script = 'read line; echo "got $line $1"; echo careful >&2; exit "$1"'
    command = ["sh", "-c", script, "sh", "0"]
    done = runner("exec", selector="app=web", command=command, stdin="ünix\nmore\n")
    assert done.code == 0, done.message
    assert done.outputs["stdout"] == "got ünix 0\n"
    assert done.outputs["stderr"] == "careful\n"
    failed = runner("exec", name="web", command=[*command[:-1], "7"], stdin="x\n")
    assert (failed.code, failed.message.endswith("exited with 7: careful")) == (1, True), failed
    absent = runner("exec", name="web", command=["/no/such/program"])
    assert "no such file" in absent.message, absent

    template = pod("import", "sh", "-c", "echo one; echo two")["spec"]
    manifest = {"metadata": {"name": "import"}, "spec": {"template": {"spec": template}}}
    uid = kubectl.create(execution("none", "run"))["metadata"]["uid"]
    ended = runner("run-job", uid=uid, manifest=manifest, timeout="60s")
    assert (ended.code, ended.outputs["log"]) == (0, "one\ntwo\n"), ended
