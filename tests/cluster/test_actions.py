"""Actions on a real API server, with the rights of the runner's role and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.workloads import deploy, workload
from tests.incident_lifecycle import run_lifecycle
from tests.kube import Kubectl, eventually
from tests.runner import Runner, make_runner

PROVES = {
    "Kubernetes API server": [
        "incident-create", "incident-update", "incident-assign", "incident-escalate",
        "incident-note", "incident-resolve",
    ]
}  # fmt: skip

PERMANENT, RETRY = 65, 1


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    return make_runner(kubectl, tmp_path)


def incident(kubectl: Kubectl, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = kubectl.get("incident", name)["spec"]
    return spec


def test_an_incident_from_its_opening_to_its_end(kubectl: Kubectl, runner: Runner) -> None:
    links = [{"title": "Graph", "url": "https://x/1"}]
    opened = runner(
        "incident-create", title="payments is down", severity="High", links=links, assignee="ana"
    )
    assert (opened.code, opened.outputs["state"], opened.outputs["created"]) == (0, "Open", True)
    name = opened.outputs["name"]
    assert name.startswith("respond-")

    more = [*links, {"url": "https://x/2"}]
    changed = runner("incident-update", name=name, state="Acknowledged", links=more, summary="x")
    assert changed.outputs["changed"] == ["links", "state", "summary"]
    again = runner("incident-update", name=name, state="Acknowledged", links=more)
    assert again.outputs["changed"] == []
    assert incident(kubectl, name)["links"] == [links[0], {"url": "https://x/2"}]

    resolved = runner("incident-resolve", name=name, summary="fixed")
    assert (resolved.outputs["state"], resolved.outputs["repeated"]) == ("Resolved", False)
    assert runner("incident-resolve", name=name).outputs["repeated"] is True
    spec = incident(kubectl, name)
    assert (spec["state"], spec["summary"], spec["severity"]) == ("Resolved", "fixed", "High")


def test_an_incident_has_the_life_that_it_has_in_every_backend(
    kubectl: Kubectl, runner: Runner
) -> None:
    def run(action: str, /, node: str, **parameters: Any) -> dict[str, Any]:
        ended = runner(action, uid=node, **parameters)
        assert ended.code == 0, ended.message
        return ended.outputs

    name = run_lifecycle(run, "ana", "sre")
    spec = incident(kubectl, name)
    assert (spec["assignee"], spec["escalation"], spec["state"]) == ("ana", "sre", "Resolved")
    assert [(note["text"], note["author"]) for note in spec["notes"]] == [
        ("The cache is being cleared.", "respond/node")
    ]


def test_the_newest_notes_are_kept(kubectl: Kubectl, runner: Runner) -> None:
    runner("incident-create", title="x", name="db")
    notes = [{"id": str(number), "text": "x" * 1024} for number in range(32)]
    kubectl("patch", "incident", "db", "--type=merge", "-p", json.dumps({"spec": {"notes": notes}}))
    assert runner("incident-note", name="db", text="y" * 2000).code == 0
    kept = incident(kubectl, "db")["notes"]
    assert [note["id"] for note in kept[:31]] == [str(number) for number in range(1, 32)]
    assert (len(kept), len(kept[-1]["text"])) == (32, 1024)


def test_a_retry_finds_the_incident_that_was_opened(kubectl: Kubectl, runner: Runner) -> None:
    first = runner("incident-create", title="x")
    second = runner("incident-create", attempt=2, title="x")
    assert first.outputs == second.outputs
    assert len(kubectl.get("incidents")["items"]) == 1


def test_a_name_is_used_again_while_unresolved_and_opened_again_later(
    kubectl: Kubectl, runner: Runner
) -> None:
    assert runner("incident-create", uid="u1", title="a", name="db").outputs["created"]
    used = runner("incident-create", uid="u2", title="b", name="db")
    assert used.outputs == {"name": "db", "state": "Open", "created": False}
    assert incident(kubectl, "db")["title"] == "a"
    runner("incident-resolve", name="db")
    reopened = runner("incident-create", uid="u3", title="c", name="db")
    assert reopened.outputs == {"name": "db", "state": "Open", "created": False}
    assert (incident(kubectl, "db")["title"], incident(kubectl, "db")["state"]) == ("c", "Open")


def test_what_is_not_there_and_what_is_forbidden_is_permanent(runner: Runner) -> None:
    missing = runner("incident-resolve", name="nowhere")
    assert missing.code == PERMANENT
    assert '"nowhere" not found' in missing.message
    forbidden = runner("rollout-restart", name="coredns", namespace="kube-system")
    assert forbidden.code == PERMANENT
    assert "automation-runner" in forbidden.message
    assert "cannot get resource" in forbidden.message


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_retry_does_not_restart_twice(kubectl: Kubectl, runner: Runner, kind: str) -> None:
    kubectl.apply(workload(kind, "web"))
    first = runner("rollout-restart", kind=kind, name="web")
    assert (first.code, first.outputs["repeated"]) == (0, False)
    generation = kubectl.get(kind, "web")["metadata"]["generation"]
    second = runner("rollout-restart", attempt=2, kind=kind, name="web")
    assert second.outputs == {**first.outputs, "repeated": True}
    assert kubectl.get(kind, "web")["metadata"]["generation"] == generation
    template = kubectl.get(kind, "web")["spec"]["template"]["metadata"]
    restarted = template["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert restarted == first.outputs["restartedAt"]


def test_a_restarted_deployment_has_a_new_revision(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web"))
    eventually(lambda: kubectl.get("replicasets")["items"])
    assert runner("rollout-restart", name="web").outputs["revision"] == 2


def test_a_paused_deployment_is_not_restarted(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web", paused=True))
    ended = runner("rollout-restart", name="web")
    assert (ended.code, "is paused" in ended.message) == (PERMANENT, True)


def deployed(kubectl: Kubectl) -> tuple[str, str]:
    """The image of `web` and the cause of its last change."""
    web = kubectl.get("deployment", "web")
    (container,) = web["spec"]["template"]["spec"]["containers"]
    return container["image"], web["metadata"]["annotations"]["kubernetes.io/change-cause"]


def test_a_deployment_is_rolled_back_once(kubectl: Kubectl, runner: Runner) -> None:
    for image in ("v1", "v2", "v3"):
        deploy(kubectl, image)
    first = runner("rollout-undo", name="web")
    assert (first.code, deployed(kubectl)) == (0, ("v2", "deploy v2")), first.message
    expected = {"fromRevision": 3, "toRevision": 2, "revision": 4, "changed": True}
    assert first.outputs == {**expected, "repeated": False}
    again = runner("rollout-undo", attempt=2, name="web")
    assert again.outputs == {**expected, "repeated": True}
    assert deployed(kubectl)[0] == "v2"
    named = runner("rollout-undo", uid="u2", name="web", toRevision=1)
    assert (named.outputs["revision"], deployed(kubectl)[0]) == (5, "v1")
    same = runner("rollout-undo", uid="u3", name="web", toRevision=5)
    assert (same.outputs["changed"], same.outputs["revision"]) == (False, 5)
    gone = runner("rollout-undo", uid="u4", name="web", toRevision=2)
    assert (gone.code, "it has 3, 4, 5" in gone.message) == (PERMANENT, True)


def test_what_has_no_revision_to_return_to_stays(kubectl: Kubectl, runner: Runner) -> None:
    deploy(kubectl, "v1")
    ended = runner("rollout-undo", name="web")
    assert (ended.code, "no revision before 1" in ended.message) == (PERMANENT, True)
    assert runner("rollout-undo", name="nobody").code == PERMANENT


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rollout_is_waited_for(kubectl: Kubectl, runner: Runner, kind: str) -> None:
    kubectl.apply(workload(kind, "web"))
    ended = runner("rollout-status", kind=kind, name="web", timeout="60s")
    assert ended.code == 0, ended.message
    assert ended.outputs["message"] == "successfully rolled out"


def test_a_rollout_that_takes_too_long_is_worth_a_retry(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web", replicas=1))
    ended = runner("rollout-status", name="web", timeout="1s")
    assert ended.code == RETRY
    assert "is not rolled out after" in ended.message


def test_a_rollout_past_its_deadline_is_permanent(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web", replicas=1, progressDeadlineSeconds=1))
    ended = runner("rollout-status", name="web", timeout="60s")
    assert (ended.code, "progress deadline" in ended.message) == (PERMANENT, True)


def test_events_of_a_workload_include_those_of_its_pods(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web", replicas=1), workload("Deployment", "other", 1))

    def seen() -> dict[str, Any] | None:
        ended = runner("describe-events", kind="Deployment", name="web")
        assert ended.code == 0, ended.message
        return ended.outputs if "FailedScheduling" in ended.outputs["reasons"] else None

    outputs = eventually(seen)
    assert {"ScalingReplicaSet", "SuccessfulCreate"} <= set(outputs["reasons"])
    assert outputs["warnings"] >= 1
    assert outputs["count"] == len(outputs["summary"].splitlines())
    assert "other" not in outputs["summary"]
    warnings = runner("describe-events", kind="Deployment", name="web", type="Warning")
    assert set(warnings.outputs["reasons"]) == {"FailedScheduling"}
    own = runner("describe-events", kind="Deployment", name="web", related=False)
    assert set(own.outputs["reasons"]) == {"ScalingReplicaSet"}
    assert runner("describe-events").outputs["count"] > outputs["count"]


def test_no_events_is_an_answer_too(kubectl: Kubectl, runner: Runner) -> None:
    ended = runner("describe-events", kind="Pod", name="nobody")
    assert ended.outputs == {
        "count": 0, "warnings": 0, "reasons": [], "summary": "", "truncated": False,
    }  # fmt: skip
    assert kubectl.namespace == runner.namespace


def test_logs_of_a_pod_that_has_none_say_why(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web", replicas=1))
    eventually(lambda: kubectl.get("pods")["items"])
    missing = runner("pod-logs", selector="app=nobody")
    assert (missing.code, "no pod of app=nobody" in missing.message) == (PERMANENT, True)
    assert runner("pod-logs", name="nobody").code == PERMANENT
