"""Applications of our objects, synced and compared by Argo CD's own packages on a real API server.

The program in tests/gitops acts as Argo CD's application controller, and kubectl as its server;
both have the rights of Argo CD's installation. The operator works meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from orchestrator.engine.times import from_rfc3339
from tests.admission_policies import POLICIES
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.gitops.program import APP, ask, asking, manifests_of, settings
from tests.kube import ROOT, Kubectl, ended, eventually, execution, manifest, running_operator
from tests.runner import make_runner
from tests.service_accounts import INSTALL, NAMESPACE
from tests.users import user_kubeconfig

EXAMPLE = ROOT / "manifests/gitops/example"
CONTROLLER = "system:serviceaccount:argocd:argocd-application-controller"
SERVER = "system:serviceaccount:argocd:argocd-server"
KINDS = ("workflows", "templates", "triggers", "workflowexecutions", "incidents", "jobs", "pods",
         "configmaps", "controllerrevisions.apps")  # fmt: skip
SECONDS = 120
"""For which a sync may go on."""


def rights(name: str, resources: str, *verbs: str) -> list[dict[str, Any]]:
    """A cluster role of Argo CD's installation, bound to its account."""
    rules = [{"apiGroups": ["*"], "resources": [resources], "verbs": list(verbs)}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "argocd"}
    api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    account = {"name": name, "namespace": "argocd"}
    return [
        {**api, "kind": "ClusterRole", "rules": rules},
        {**api, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
    ]


ARGO_CD = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}},
    *rights("argocd-application-controller", "*", "*"),
    *rights("argocd-server", "*", "delete", "get", "patch"),
]


@pytest.fixture(scope="module")
def ana(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The kubeconfig of a member of sre, with Argo CD's accounts, the policies and an operator."""
    folder = tmp_path_factory.mktemp("gitops")
    kubectl = Kubectl(kubeconfig)
    kubectl("apply", "--server-side", "-f", POLICIES)
    kubectl.within("argocd").apply(*ARGO_CD)
    kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/gitops/argocd/rbac.yaml"))
    with running_operator(account, folder / "log"):
        stored = kubectl.get("validatingadmissionpolicybindings", "itechsmart-workflow-people")
        created = from_rfc3339(stored["metadata"]["creationTimestamp"])
        eventually(lambda: time.time() > created + POLICY_SETTLE_SECONDS + 1)
        yield user_kubeconfig(kubeconfig, folder, "ana", "sre")
    kubectl("delete", "-f", POLICIES)


@pytest.fixture
def space(kubeconfig: Path) -> Kubectl:
    """kubectl in a namespace in which ana may approve and reject."""
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    kubectl("create", "rolebinding", "ana", "--clusterrole=itechsmart-workflow-approve",
            "--user=ana")  # fmt: skip
    return kubectl


class Application:
    """An Application whose destination is a namespace."""

    def __init__(
        self,
        kubectl: Kubectl,
        tracking: str = "annotation",
        *,
        server_side: bool = False,
        cluster: bool = False,
        name: str = APP,
    ) -> None:
        self._kubectl = kubectl
        self._request = {
            "kubeconfig": str(kubectl.kubeconfig), "as": CONTROLLER, "configMap": settings(),
            "app": name, "namespace": kubectl.namespace, "tracking": tracking,
            "serverSide": server_side, "cluster": cluster, "seconds": SECONDS,
        }  # fmt: skip
        self._name = name
        self._tracking = tracking

    def sync(self, *manifests: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Sync with pruning; what came of each object, by kind. Fails if the sync does."""
        answer = ask("sync", **self._request, manifests=list(manifests))
        assert answer["phase"] == "Succeeded", answer
        return {each["kind"]: each for each in answer["objects"]}

    def syncing(self, *manifests: dict[str, Any]) -> AbstractContextManager[Callable[[], Any]]:
        """A sync that goes on; call for what came of it."""
        return asking("sync", **self._request, manifests=list(manifests))

    def out_of_sync(self, *manifests: dict[str, Any]) -> list[dict[str, Any]]:
        """The objects that differ from their manifests, with both."""
        live = [self._live(each) for each in manifests]
        found = ask(
            "diff", configMap=settings(), app=self._name, namespace=self._kubectl.namespace,
            tracking=self._tracking, live=live, manifests=list(manifests),
        )  # fmt: skip
        return [each for each in found if each["modified"]]

    def _live(self, manifest: dict[str, Any]) -> dict[str, Any]:
        group, _, version = manifest["apiVersion"].rpartition("/")
        resource, metadata = f"{manifest['kind']}.{version}.{group}", manifest["metadata"]
        kubectl = self._kubectl.within(metadata.get("namespace", self._kubectl.namespace))
        found: dict[str, Any] = kubectl.get(resource, metadata["name"])
        return found

    def owned(self) -> set[str]:
        """Everything in the namespace that Argo CD takes for a part of the Application."""
        objects = everything(self._kubectl)
        owners = ask("owners", tracking=self._tracking, objects=objects)
        return {
            f"{raw['kind']}/{raw['metadata']['name']}"
            for raw, owner in zip(objects, owners, strict=True)
            if owner
        }


def everything(kubectl: Kubectl) -> list[dict[str, Any]]:
    """All objects of the namespace that a workflow has to do with."""
    items: list[dict[str, Any]] = json.loads(kubectl("get", ",".join(KINDS), "-o", "json"))["items"]
    return [raw for raw in items if raw["metadata"]["name"] != "kube-root-ca.crt"]


def names(kubectl: Kubectl) -> set[str]:
    return {f"{raw['kind']}/{raw['metadata']['name']}" for raw in everything(kubectl)}


def definitions() -> list[dict[str, Any]]:
    """The example's, and a Trigger that follows each preflight with a workflow of its own."""
    followed = {"workflow": "follow", "execution": {"workflow": "preflight"}}
    step = {"name": "step", "action": "local/smoke-test", "with": {"version": "next"}}
    return [
        *manifests_of(EXAMPLE / "workflows"),
        manifest("Workflow", "follow", {"nodes": [step]}),
        manifest("Trigger", "follow", followed),
    ]


def approve(space: Kubectl, ana: Path, name: str) -> None:
    done = CommandLine(ana, space.namespace)("approve", name)
    assert done.returncode == 0, done.stderr


def waiting(space: Kubectl) -> str:
    """The name of the execution whose approval waits."""

    def check() -> str:
        for raw in space.get("awfx")["items"]:
            node = raw.get("status", {}).get("nodes", {}).get("agree", {})
            if node.get("phase") == "Waiting":
                return str(raw["metadata"]["name"])
        return ""

    return str(eventually(check))


def preflight(space: Kubectl, ana: Path) -> dict[str, Any]:
    """A run of the workflow preflight, approved, and what follows it."""
    space.create(execution("preflight", "by-hand", variables={"version": "1"}))
    approve(space, ana, waiting(space))
    done = ended(space, "by-hand")
    eventually(lambda: len(space.names("awfx")) == 2)
    (followed,) = set(space.names("awfx")) - {"by-hand"}
    ended(space, followed)
    return done


@pytest.mark.parametrize(
    ("tracking", "server_side"),
    [("label", False), ("annotation", True), ("annotation+label", False)],
)
def test_an_application_stays_in_sync_and_prunes_no_execution(
    space: Kubectl, ana: Path, tmp_path: Path, tracking: str, server_side: bool
) -> None:
    application = Application(space, tracking, server_side=server_side)
    manifests = definitions()
    application.sync(*manifests)
    assert preflight(space, ana)["status"]["phase"] == "Succeeded"
    assert make_runner(space, tmp_path)("incident-create", title="Shop is down").code == 0
    assert application.out_of_sync(*manifests) == []
    assert application.owned() == {
        "Template/smoke-test", "Workflow/preflight", "Workflow/follow",
        "Trigger/nightly-preflight", "Trigger/follow",
    }  # fmt: skip
    before = names(space)
    assert {each.partition("/")[0] for each in before} >= {
        "WorkflowExecution", "Job", "Pod", "ControllerRevision", "Incident"
    }  # fmt: skip
    application.sync(*manifests)
    assert names(space) == before


@pytest.mark.usefixtures("ana")
def test_the_installation_stays_in_sync(kubeconfig: Path) -> None:
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    manifests = list(yaml.safe_load_all(kubectl("kustomize", str(INSTALL))))
    application = Application(kubectl, server_side=True, cluster=True, name="operator")
    application.sync(*manifests)
    eventually(lambda: "observedGeneration" in kubectl("get", "deployment", "-o", "json"))
    assert application.out_of_sync(*manifests) == []
    kubectl("delete", "deployment", "--all")


def test_a_change_by_hand_is_out_of_sync(space: Kubectl) -> None:
    application = Application(space)
    manifests = definitions()
    application.sync(*manifests)
    space("patch", "workflow", "preflight", "--type=merge", "-p", '{"spec": {"title": "Other"}}')
    (found,) = application.out_of_sync(*manifests)
    assert found["live"]["spec"]["title"] == "Other"


@pytest.mark.parametrize("tracking", ["label", "annotation"])
def test_an_application_is_removed_while_its_workflow_runs(
    space: Kubectl, ana: Path, tracking: str
) -> None:
    application = Application(space, tracking)
    application.sync(*definitions())
    space.create(execution("preflight", "running", variables={"version": "1"}))
    waiting(space)
    application.sync()
    left = everything(space)
    assert {raw["kind"] for raw in left} == {
        "WorkflowExecution", "Job", "Pod", "ControllerRevision"
    }  # fmt: skip
    assert not [raw for raw in left if raw["metadata"].get("deletionTimestamp")]
    approve(space, ana, "running")
    assert ended(space, "running")["status"]["phase"] == "Succeeded"
    space("delete", "awfx", "--all", "--timeout=30s")
    eventually(lambda: {raw["kind"] for raw in everything(space)} == {"ControllerRevision"})


def gated() -> list[dict[str, Any]]:
    return [*manifests_of(EXAMPLE / "presync"), *manifests_of(EXAMPLE / "shop")]


@pytest.fixture
def shop(space: Kubectl) -> Kubectl:
    """A namespace with the definitions of the example."""
    space.apply(*manifests_of(EXAMPLE / "workflows"))
    return space


def test_a_presync_run_holds_up_the_sync_until_it_has_succeeded(shop: Kubectl, ana: Path) -> None:
    with Application(shop).syncing(*gated()) as answer:
        name = waiting(shop)
        assert "shop" not in shop.names("configmap")
        (shown,) = ask("health", configMap=settings(), objects=[shop.get("awfx", name)])
        assert shown["status"] == "Suspended"
        assert shown["message"].startswith("agree: ")
        approve(shop, ana, name)
        assert answer()["phase"] == "Succeeded"
    phases = {each["kind"]: (each["phase"], each["hookPhase"]) for each in answer()["objects"]}
    assert phases["WorkflowExecution"] == ("PreSync", "Succeeded")
    assert "shop" in shop.names("configmap")
    assert not shop.get("awfx", name)["metadata"].get("finalizers")


def test_a_presync_run_that_fails_ends_the_sync(shop: Kubectl, ana: Path) -> None:
    with Application(shop).syncing(*gated()) as answer:
        name = waiting(shop)
        done = CommandLine(ana, shop.namespace)("reject", name)
        assert done.returncode == 0, done.stderr
    assert answer()["phase"] == "Failed"
    (hook,) = [each for each in answer()["objects"] if each["kind"] == "WorkflowExecution"]
    assert hook["hookPhase"] == "Failed"
    assert "agree Failed" in hook["message"], hook
    assert "shop" not in shop.names("configmap")
    assert not shop.get("awfx", name)["metadata"].get("finalizers")


class Server:
    """What Argo CD's server does when a person starts an action in its web interface."""

    def __init__(self, kubectl: Kubectl, account: str = SERVER) -> None:
        self._kubectl = kubectl
        self._account = account

    def acts(self, kind: str, name: str, action: str, **parameters: str) -> str:
        """Carry out an action; the name of the object that it changed or created."""
        done = self.attempts(kind, name, action, **parameters)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().partition("/")[2]

    def attempts(
        self, kind: str, name: str, action: str, **parameters: str
    ) -> subprocess.CompletedProcess[str]:
        """Carry it out whatever comes of it: a status is patched apart from the rest, and first."""
        raw = self._kubectl.get(kind, name)
        (request,) = ask(
            "act", configMap=settings(), object=raw, action=action, parameters=parameters
        )
        body, as_account = request["body"], f"--as={self._account}"
        if request["operation"] == "create":
            return self._kubectl.attempt(
                "create", "-f", "-", "-o", "name", as_account, stdin=json.dumps(body)
            )
        patch = ("patch", kind, name, "--type=merge", "-o", "name", as_account)
        if "status" in body:
            status = json.dumps({"status": body.pop("status")})
            done = self._kubectl.attempt(*patch, "--subresource=status", "-p", status)
            if done.returncode:
                return done
        return self._kubectl.attempt(*patch, "-p", json.dumps(body))


def test_actions_are_recorded_as_those_of_argo_cd(shop: Kubectl, ana: Path) -> None:
    server = Server(shop)
    started = server.acts("workflow", "preflight", "run", version="1.4.2")
    raw = shop.get("awfx", started)
    assert raw["spec"]["requester"] == SERVER
    assert raw["spec"]["variables"] == {"version": "1.4.2"}
    assert waiting(shop) == started
    assert server.acts("awfx", started, "cancel") == started
    assert ended(shop, started)["status"]["phase"] == "Cancelled"
    again = server.acts("awfx", started, "rerun")
    raw = shop.get("awfx", again)
    assert raw["spec"]["requester"] == SERVER
    assert raw["spec"]["rerunOf"] == {"name": started, "from": ["agree"]}
    approve(shop, ana, waiting(shop))
    assert ended(shop, again)["status"]["phase"] == "Succeeded"


def test_another_account_is_named_where_the_scripts_have_not_its_name(shop: Kubectl) -> None:
    remote = "system:serviceaccount:kube-system:argocd-manager"
    shop("create", "rolebinding", "remote", "--clusterrole=itechsmart-workflow-argocd-server",
         "--serviceaccount=kube-system:argocd-manager")  # fmt: skip
    done = Server(shop, remote).attempts("workflow", "preflight", "run", version="1")
    assert f"spec.requester: leave it out or write {remote}" in done.stderr


def test_argo_cd_cannot_approve(shop: Kubectl) -> None:
    shop.create(execution("preflight", "run", variables={"version": "1"}))
    waiting(shop)
    vote = {"node": "agree", "by": SERVER, "decision": "Approve"}
    body = json.dumps({"spec": {"decisions": [vote]}})
    done = shop.attempt("patch", "awfx", "run", "--type=merge", "-p", body, f"--as={SERVER}")
    assert f"{SERVER} may not approve or reject" in done.stderr


def test_cancel_is_refused_where_a_value_is_null(shop: Kubectl) -> None:
    """Argo CD's Lua has no null: its patch would remove the value, and nothing is changed."""
    null = {"name": "none", "transform": {"value": "none"}}
    wait = {"name": "hold", "wait": {"signal": "go"}}
    nodes = {"nodes": [null, wait], "edges": [{"from": "none", "to": "hold"}]}
    shop.apply(manifest("Workflow", "nulls", nodes))
    shop.create(execution("nulls", "run"))
    eventually(lambda: "hold" in shop.get("awfx", "run").get("status", {}).get("nodes", {}))
    done = Server(shop).attempts("awfx", "run", "cancel")
    assert "only the operator writes" in done.stderr
    assert shop.get("awfx", "run")["spec"]["desiredState"] == "Running"
