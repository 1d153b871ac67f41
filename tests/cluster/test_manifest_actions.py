"""Actions on objects of any kind, on a real API server with the rights of their families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.workloads import fake_workload, workload
from tests.kube import Kubectl, eventually
from tests.runner import Runner, make_runner

PROVES = {"Kubernetes API server": ["apply", "patch", "delete", "deploy-application", "set-image"]}

PERMANENT, RETRY = 65, 1


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    return make_runner(kubectl, tmp_path, "manifests")


def settings(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def data(kubectl: Kubectl, name: str = "settings") -> dict[str, str]:
    found: dict[str, str] = kubectl.get("configmap", name).get("data", {})
    return found


def test_manifests_are_applied_and_what_changed_is_reported(
    kubectl: Kubectl, runner: Runner
) -> None:
    first = runner("apply", manifests=[settings(level="debug"), workload("Deployment", "web")])
    assert first.code == 0, first.message
    assert first.outputs["created"] == ["ConfigMap/settings", "Deployment/web"]
    text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: settings}\ndata: {since: 2026-01-01}"
    changed = runner("apply", yaml=text)
    assert changed.outputs["changed"] == ["ConfigMap/settings"]
    assert data(kubectl) == {"since": "2026-01-01"}, "YAML as kubectl reads it, fields left out go"
    same = runner("apply", yaml=text)
    assert same.outputs["unchanged"] == ["ConfigMap/settings"]
    dry = runner("apply", manifests=[settings(level="info")], dryRun=True)
    assert (dry.outputs["changed"], data(kubectl)) == (["ConfigMap/settings"], {
        "since": "2026-01-01",
    })  # fmt: skip


def test_a_conflict_names_the_other_manager_and_is_overruled_only_by_force(
    kubectl: Kubectl, runner: Runner
) -> None:
    kubectl.apply(settings(level="debug"))
    refused = runner("apply", manifests=[settings(level="info")])
    assert refused.code == PERMANENT
    assert "ConfigMap" in refused.message
    assert 'conflict with "kubectl": .data.level' in refused.message
    assert data(kubectl) == {"level": "debug"}
    assert runner("apply", manifests=[settings(level="info")], force=True).code == 0
    assert data(kubectl) == {"level": "info"}


def test_kinds_that_are_not_allowed_are_refused_before_anything_is_applied(
    kubectl: Kubectl, runner: Runner
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    refused = runner("apply", manifests=[settings(level="debug"), secret])
    assert (refused.code, "Secret is not an allowed kind" in refused.message) == (PERMANENT, True)
    assert kubectl.attempt("get", "configmap", "settings").returncode != 0
    allowed = runner("apply", manifests=[secret], kinds=["*"])
    assert (allowed.code, "cannot get resource" in allowed.message) == (PERMANENT, True)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "x"}}
    allowed = runner("apply", manifests=[role], kinds=["Role.rbac.authorization.k8s.io"])
    assert (allowed.code, "cannot get resource" in allowed.message) == (PERMANENT, True)
    unknown = runner("apply", manifests=[{**role, "kind": "Rule"}], kinds=["*"])
    assert (unknown.code, "serves no kind Rule" in unknown.message) == (PERMANENT, True)


def test_a_manifest_that_the_api_server_refuses_is_named(runner: Runner) -> None:
    wrong = {**settings(), "data": {"a": 1}}
    refused = runner("apply", manifests=[wrong])
    assert refused.code == PERMANENT
    assert refused.message.startswith(f"ConfigMap {runner.namespace}/settings: ")


def test_a_json_patch_is_applied_once(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(fake_workload("Deployment"))
    operations = [
        {
            "op": "add",
            "path": "/spec/template/spec/tolerations/-",
            "value": {"key": "a", "operator": "Exists"},
        }
    ]
    asked: dict[str, Any] = {"kind": "Deployment", "name": "web", "operations": operations}
    first = runner("patch", **asked)
    assert (first.code, first.outputs["changed"]) == (0, True), first.message
    again = runner("patch", attempt=2, **asked)
    assert again.outputs["repeated"] is True
    pod = kubectl.get("deployment", "web")["spec"]["template"]["spec"]
    assert [each["key"] for each in pod["tolerations"]].count("a") == 1


def test_merge_patches_and_strategic_ones(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web"))
    spec = {"template": {"spec": {"containers": [{"name": "main", "image": "y"}]}}}
    asked: dict[str, Any] = {"kind": "Deployment", "name": "web"}
    assert runner("patch", **asked, type="Strategic", patch={"spec": spec}).code == 0
    assert runner("patch", uid="u2", **asked, patch={"spec": {"paused": True}}).code == 0
    same = runner("patch", uid="u3", **asked, patch={"spec": {"paused": True}})
    assert same.outputs["changed"] is False
    web = kubectl.get("deployment", "web")["spec"]
    (container,) = web["template"]["spec"]["containers"]
    assert (web["paused"], container["image"]) == (True, "y")
    wrong = runner("patch", uid="u4", **asked, patch={"spec": {"replicas": "many"}})
    assert wrong.code == PERMANENT
    assert "cannot unmarshal string" in wrong.message
    assert len(wrong.message) < 200
    secret = runner("patch", kind="Secret", apiVersion="v1", name="x", patch={"data": {"a": ""}})
    assert (secret.code, "Secret is not an allowed kind" in secret.message) == (PERMANENT, True)


def test_what_is_deleted_is_gone_and_what_is_not_there_is_a_success(
    kubectl: Kubectl, runner: Runner
) -> None:
    kubectl.apply(settings("a"), settings("b"), settings("c"))
    kubectl("label", "configmap", "b", "c", "app=old")
    assert runner("delete", kind="ConfigMap", name="a").outputs["names"] == ["a"]
    assert runner("delete", attempt=2, kind="ConfigMap", name="a").outputs["count"] == 0
    many = runner("delete", kind="ConfigMap", selector="app=old", maxObjects=1)
    assert (many.code, "nothing is deleted" in many.message) == (PERMANENT, True)
    done = runner("delete", kind="ConfigMap", selector="app=old")
    assert sorted(done.outputs["names"]) == ["b", "c"]
    assert {"a", "b", "c"}.isdisjoint(kubectl.names("configmap"))
    claim = runner("delete", kind="PersistentVolumeClaim", name="data")
    assert (claim.code, "is not an allowed kind" in claim.message) == (PERMANENT, True)


def test_a_finalizer_that_holds_an_object_up_is_named(kubectl: Kubectl, runner: Runner) -> None:
    made = settings("held")
    made["metadata"]["finalizers"] = ["example.com/hold"]
    kubectl.apply(made)
    held = runner("delete", kind="ConfigMap", name="held", timeout="1s")
    assert (held.code, "finalizers: example.com/hold" in held.message) == (RETRY, True)
    patch = '{"metadata":{"finalizers":null}}'
    kubectl("patch", "configmap", "held", "--type=merge", "-p", patch)
    assert runner("delete", kind="ConfigMap", name="held", wait=True).code == 0


def test_dependents_are_kept_or_deleted_as_asked(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web"))
    eventually(lambda: kubectl.get("replicasets")["items"])
    runner("delete", kind="Deployment", name="web", propagation="Orphan")
    (kept,) = kubectl.get("replicasets")["items"]
    kubectl.apply(workload("Deployment", "web"))
    name = kept["metadata"]["name"]
    eventually(lambda: kubectl.get("replicaset", name)["metadata"].get("ownerReferences"))
    runner("delete", kind="Deployment", name="web", propagation="Foreground")
    assert kubectl.get("replicasets")["items"] == []


def test_objects_are_waited_for(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(fake_workload("Deployment", 1, hang="true"))
    ready = runner("wait-for", kind="Deployment", name="web", condition="available", timeout="60s")
    assert (ready.code, ready.outputs["names"]) == (0, ["web"]), ready.message
    path = "{.status.readyReplicas}"
    asked: dict[str, Any] = {"kind": "Deployment", "selector": "", "name": "web"}
    assert runner("wait-for", **asked, jsonpath=path, value="1", timeout="60s").code == 0
    late = runner("wait-for", **asked, jsonpath=path, value="3", timeout="1s")
    assert (late.code, f"has 1 at {path} after" in late.message) == (RETRY, True)
    late = runner("wait-for", **asked, condition="Progressing=False", timeout="1s")
    assert (late.code, "has condition Progressing=True" in late.message) == (RETRY, True)
    gone = runner("wait-for", kind="Pod", name="nobody", condition="Ready")
    assert (gone.code, "does not exist" in gone.message) == (PERMANENT, True)
    assert runner("wait-for", kind="Pod", name="nobody", deleted=True).code == 0
    later = runner("wait-for", kind="Pod", name="nobody", created=True, timeout="1s")
    assert later.code == RETRY
    execution = runner(
        "wait-for", kind="Incident", apiVersion="automation.itechsmart.dev/v1alpha1",
        name="nobody", deleted=True,
    )  # fmt: skip
    assert execution.code == 0, execution.message


def test_an_application_is_deployed_from_manifests(runner: Runner) -> None:
    made = fake_workload("Deployment", 1, hang="true")
    first = runner("deploy-application", manifests=[settings(level="x"), made], timeout="60s")
    assert first.code == 0, first.message
    assert first.outputs["changed"] == ["ConfigMap/settings", "Deployment/web"]
    assert (first.outputs["fromImages"], first.outputs["revision"]) == ({}, 1)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "y"
    second = runner("deploy-application", uid="u2", manifests=[made], timeout="60s")
    images = ({"Deployment/web/main": "x"}, {"Deployment/web/main": "y"})
    assert (second.outputs["fromImages"], second.outputs["toImages"]) == images, second.message
    assert (second.outputs["workloads"], second.outputs["revision"]) == (["Deployment/web"], 2)
    again = runner("deploy-application", uid="u2", attempt=2, manifests=[made], timeout="60s")
    assert (again.outputs["repeated"], again.outputs["fromImages"]) == (True, images[0])
    assert again.outputs["changed"] == ["Deployment/web"]
    same = runner("deploy-application", uid="u3", manifests=[made], timeout="60s")
    assert same.outputs["changed"] == []


def test_a_deployment_whose_image_cannot_be_pulled_says_so(
    kubectl: Kubectl, runner: Runner
) -> None:
    kubectl.apply(fake_workload("Deployment", 1, image_error="true"))
    images = {"main": "none"}
    ended = runner(
        "deploy-application", name="web", images=images, timeout="60s", podFailureTimeout="1s"
    )
    assert ended.code == PERMANENT
    assert ": ImagePullBackOff" in ended.message
    assert ended.message.endswith(" (main from x to none)")


def test_an_apply_that_changes_nothing_writes_nothing(kubectl: Kubectl, runner: Runner) -> None:
    runner("apply", manifests=[settings(level="debug")])
    before = kubectl.get("configmap", "settings")["metadata"]
    assert before["annotations"]["automation.itechsmart.dev/chain"].startswith("0/u1/")
    same = runner("apply", uid="u2", manifests=[settings(level="debug")])
    assert same.outputs["unchanged"] == ["ConfigMap/settings"]
    after = kubectl.get("configmap", "settings")["metadata"]
    assert after["resourceVersion"] == before["resourceVersion"]


def test_manifests_take_over_what_other_actions_have_changed(
    kubectl: Kubectl, runner: Runner
) -> None:
    made = fake_workload("Deployment", 1, hang="true")
    assert runner("deploy-application", manifests=[made], timeout="60s").code == 0
    assert runner("set-image", uid="u2", name="web", images={"main": "y"}).code == 0
    asked = {"kind": "Deployment", "name": "web", "patch": {"spec": {"replicas": 2}}}
    assert runner("patch", uid="u3", **asked).code == 0  # type: ignore[arg-type]
    back = runner("deploy-application", uid="u4", manifests=[made], timeout="60s")
    assert back.code == 0, back.message
    assert back.outputs["fromImages"] == {"Deployment/web/main": "y"}
    assert back.outputs["toImages"] == {"Deployment/web/main": "x"}
    assert kubectl.get("deployment", "web")["spec"]["replicas"] == 1
