"""Each user beside each other's executions: none stops, deletes, forges or learns anything.

And the command line as each of them: what it may not do is said with the right that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.jobs.names import job_name
from orchestrator.session.errors import UsageError
from orchestrator.triggers.plan import execution_name
from tests.cluster.roles import roles_in_place
from tests.cluster.test_people import Place, node
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, ended, eventually, execution, manifest, workflow

QUICK = [{"name": "a", "transform": {"x": "1"}}]
HELD = [{"name": "ask", "wait": {"signal": "go"}}, *QUICK]
HELD_EDGES = [{"from": "ask", "to": "a"}]


@pytest.fixture(scope="module")
def place(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with roles_in_place(kubeconfig, account, tmp_path_factory.mktemp("pairs")) as place:
        yield place


def create(kubectl: Kubectl, raw: dict[str, Any]) -> str:
    """What the API server says to the creation; empty when it took it."""
    done = kubectl.attempt("create", "-f", "-", stdin=json.dumps(raw))
    return "" if done.returncode == 0 else done.stderr


def release(place: Place, name: str) -> None:
    """Let an execution that waits for the signal go on."""
    signal = {"id": "1", "name": "go", "by": "sig"}
    eventually(lambda: place.patch("sig", name, {"signals": [signal]}) == "")


def held(place: Place, name: str, **spec: Any) -> dict[str, Any]:
    """An execution that cas started, once it waits for the signal."""
    assert create(place["cas"], execution("held", name, **spec)) == ""
    found: dict[str, Any] = eventually(
        lambda: (
            place.admin.get("awfx", name).get("status", {}).get("nodes", {}).get("ask")
            and place.admin.get("awfx", name)
        )
    )
    return found


def test_who_may_run_keeps_no_trigger_from_firing(place: Place) -> None:
    place.admin.apply(
        workflow("held", nodes=HELD, edges=HELD_EDGES),
        workflow("next", nodes=QUICK),
        manifest("Trigger", "after", {"workflow": "next", "execution": {"workflow": "held"}}),
    )
    uid = place.admin.get("awft", "after")["metadata"]["uid"]
    source = held(place, "source")
    taken = [execution_name("after", uid, source["metadata"]["uid"], salt) for salt in (0, 1)]
    for name in taken:
        assert create(place["run"], execution("next", name)) == ""
    release(place, "source")

    def own() -> list[dict[str, Any]]:
        items = place.admin.get("awfx")["items"]
        return [raw for raw in items if raw["spec"].get("trigger", {}).get("uid") == uid]

    (made,) = eventually(own)
    assert made["metadata"]["name"] not in taken
    assert ended(place.admin, made["metadata"]["name"])["status"]["phase"] == "Succeeded"

    def warned() -> bool:
        events = place.admin.get("events")["items"]
        about = [one for one in events if one["involvedObject"]["name"] == "after"]
        return {one["reason"] for one in about} == {"NameTaken"}

    eventually(warned)
    counts = place.admin.get("awft", "after")["status"]["counts"]
    assert (counts["received"], counts["started"]) == (1, 1)
    place.admin("delete", "awft,awfx", "--all")


def test_who_may_run_fails_no_sub_workflow_of_others(place: Place) -> None:
    sub = {"name": "sub", "workflow": {"name": "next"}}
    place.admin.apply(
        workflow("next", nodes=QUICK),
        workflow("held", nodes=[*HELD, sub], edges=[*HELD_EDGES, {"from": "a", "to": "sub"}]),
    )
    uid = held(place, "parent")["metadata"]["uid"]
    for salt in (0, 1):
        name = job_name("held", "sub", uid, 1, salt)
        assert create(place["run"], execution("next", name)) == ""
    release(place, "parent")
    status = ended(place.admin, "parent")["status"]
    assert status["phase"] == "Succeeded"
    child = place.admin.get("awfx", status["nodes"]["sub"]["execution"])
    assert child["spec"]["parent"]["uid"] == uid
    place.admin("delete", "awfx", "--all")


def test_what_proves_a_result_is_written_by_none_of_them(place: Place) -> None:
    forbidden = {
        "controllerrevisions.apps": ("create", "update", "patch", "delete"),
        "jobs.batch": ("create", "patch", "delete"),
        "pods": ("create", "patch", "delete"),
        "configmaps": ("create", "update", "patch", "delete", "get"),
        "secrets": ("get", "list", "create"),
        "workflowexecutions.automation.itechsmart.dev": ("delete", "trigger", "update"),
        "workflowexecutions.automation.itechsmart.dev/status": ("patch", "update"),
        "workflows.automation.itechsmart.dev": ("create", "patch", "delete"),
        "templates.automation.itechsmart.dev": ("create", "patch"),
        "triggers.automation.itechsmart.dev": ("create", "patch"),
        "triggers.automation.itechsmart.dev/status": ("patch",),
    }
    asked = [(verb, what) for what, verbs in forbidden.items() for verb in verbs]
    for user in ("run", "app", "sig", "ctl", "dot"):
        assert allowed(place, user, asked) == []
    of_edit = allowed(place, "edit", asked)
    assert not {what for _, what in of_edit} & {
        "controllerrevisions.apps",
        "workflowexecutions.automation.itechsmart.dev/status",
        "triggers.automation.itechsmart.dev/status",
    }
    assert ("trigger", "workflowexecutions.automation.itechsmart.dev") not in of_edit
    assert ("delete", "workflowexecutions.automation.itechsmart.dev") in of_edit


def allowed(place: Place, user: str, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the rights that a user holds in the namespace."""
    reviews = []
    for verb, resource in asked:
        name, _, subresource = resource.partition("/")
        plural, _, group = name.partition(".")
        attributes = {
            "namespace": place.admin.namespace,
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        reviews.append(review | {"spec": {"user": user, "resourceAttributes": attributes}})
    every = {"apiVersion": "v1", "kind": "List", "items": reviews}
    shown = 'jsonpath={.status.allowed}{"\\n"}'
    answers = place.admin("create", "-f", "-", "-o", shown, stdin=json.dumps(every)).splitlines()
    assert len(answers) == len(asked)
    return [one for one, answer in zip(asked, answers, strict=True) if answer == "true"]


def test_edit_in_one_namespace_reaches_nothing_of_another(place: Place) -> None:
    theirs = {"action": {"image": "example.com/private:1", "command": ["true"]}}
    place.admin.apply(
        manifest("Template", "private", theirs),
        workflow("next", nodes=QUICK, concurrency={"limit": 1, "group": "shared"}),
        workflow("held", nodes=HELD, edges=HELD_EDGES),
    )
    assert create(place["cas"], execution("next", "source")) == ""
    ended(place.admin, "source")
    other = fresh_namespace(place.admin)
    other("create", "rolebinding", "edit", "--clusterrole=edit", "--user=app")
    edit = Kubectl(place.people["app"], other.namespace)
    inside = Kubectl(place.people["app"], place.admin.namespace)
    for kind in ("awf", "atpl", "awft", "pods", "configmaps", "controllerrevisions"):
        assert "orbidden" in inside.attempt("get", kind).stderr
    other("create", "serviceaccount", "private")
    edit.apply(
        workflow("names", nodes=[{"name": "a", "action": "local/private"}]),
        workflow("calls", nodes=[{"name": "a", "workflow": {"name": "next"}}]),
        manifest(
            "Template",
            "account",
            {"action": {"serviceAccountName": "private", "command": ["true"]}},
        ),
        workflow("acts", nodes=[{"name": "a", "action": "local/account"}]),
        workflow(
            "holds", nodes=HELD, edges=HELD_EDGES, concurrency={"limit": 1, "group": "shared"}
        ),
        manifest("Trigger", "after", {"workflow": "holds", "execution": {}}),
    )
    for name in ("holds", "acts", "names", "calls"):
        edit.create(execution(name, name))
    edit.create(execution("next", "again", rerunOf={"name": "source", "from": ["a"]}))
    eventually(lambda: other.get("awfx", "holds").get("status", {}).get("nodes"))
    # Its slot of the group `shared` is that namespace's alone.
    assert create(place["cas"], execution("next", "free")) == ""
    assert ended(place.admin, "free")["status"]["phase"] == "Succeeded"
    again = ended(other, "again")["status"]
    assert (again["phase"], again["reason"]) == ("Failed", "RerunSourceGone")

    def reasons(name: str) -> tuple[str, str]:
        status = other.get("awfx", name).get("status", {})
        record = status.get("nodes", {}).get("a", {})
        return status.get("reason", ""), record.get("reason", "")

    eventually(lambda: reasons("names")[0] == "TemplateNotFound")
    eventually(lambda: reasons("calls")[0] == "WorkflowNotFound")
    eventually(lambda: "ServiceAccount" in reasons("acts")[1])
    assert [raw["metadata"]["name"] for raw in other.get("awfx")["items"]].count("after") == 0
    other("delete", "awft,awfx", "--all")
    place.admin("delete", "awfx", "--all")


def test_who_may_sign_or_run_touches_no_list_of_slots(place: Place) -> None:
    place.admin.apply(
        workflow("held", nodes=HELD, edges=HELD_EDGES, concurrency={"limit": 1}),
    )
    held(place, "first")
    assert create(place["cas"], execution("held", "second")) == ""
    slots = [name for name in place.admin.names("configmaps") if name != "kube-root-ca.crt"]
    for user in ("run", "app", "sig", "ctl", "dot"):
        for name in slots:
            done = place[user].attempt("delete", "configmap", name)
            assert "orbidden" in done.stderr
    eventually(lambda: place.admin.get("awfx", "second")["status"]["phase"] == "Queued")
    release(place, "first")
    release_second = {"id": "1", "name": "go", "by": "sig"}
    eventually(lambda: place.patch("sig", "second", {"signals": [release_second]}) == "")
    assert ended(place.admin, "second")["status"]["phase"] == "Succeeded"
    place.admin("delete", "awfx", "--all")


@dataclass(frozen=True)
class Said:
    code: int
    text: str


def orchestrator(place: Place, user: str, *arguments: str) -> Said:
    """The command line, in this process: more than a hundred of them take a few seconds."""
    config = str(place.people[user])
    done = CliRunner().invoke(
        app, ["--kubeconfig", config, "-n", place.admin.namespace, *arguments]
    )
    if isinstance(done.exception, UsageError):
        return Said(2, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Said(done.exit_code, done.output)


COMMANDS = {
    "get workflows": "run view edit dot",
    "get executions": "run app sig ctl view edit dot",
    "get triggers": "view edit dot",
    "get templates": "view edit dot",
    "get incidents": "run view edit dot",
    "get clustertemplates": "run app sig ctl view edit dot",
    "get approvals": "run app sig ctl view edit dot",
    "explain run": "run app sig ctl view edit dot",
    "logs run": "view edit dot",
    "watch done": "run app sig ctl view edit dot",
    "run quick": "run edit dot",
    "pause run": "ctl edit dot",
    "resume run": "ctl edit dot",
    "approve run": "app dot",
    "signal run go": "sig dot",
    "rerun done --from a": "edit dot",
    "delete done": "edit",
}
"""Who may what."""


def test_each_command_says_which_right_is_missing_and_what_grants_it(place: Place) -> None:
    ask = {"approvers": ["group:sre"], "required": 5}
    place.admin.apply(
        workflow("quick", nodes=QUICK), workflow("asks", nodes=[{"name": "ask", "approval": ask}])
    )
    assert create(place["cas"], execution("asks", "run")) == ""
    assert create(place["cas"], execution("quick", "done")) == ""
    ended(place.admin, "done")
    eventually(lambda: node(place)["phase"] == "Waiting")
    users = ("run", "app", "sig", "ctl", "view", "dot", "edit")
    for command, holders in COMMANDS.items():
        # Who holds the right comes last: what is asked for already takes none.
        for user in sorted(users, key=lambda one: one in holders.split()):
            said = orchestrator(place, user, *command.split())
            if user in holders.split():
                assert said.code == 0, (user, command, said)
                continue
            assert said.code == 2, (user, command, said)
            assert f"{user} may not" in said.text, (user, command, said)
            assert f"kubectl create rolebinding {user}-" in said.text, (user, command, said)
    told = orchestrator(place, "sig", "explain", "run")
    assert "sig may not get controllerrevisions" in told.text
    assert "ask is Waiting (AwaitingApproval): " in told.text
    full = orchestrator(place, "dot", "explain", "run")
    assert "ask began because" in full.text
    place.admin("delete", "awfx", "--all")


def test_what_a_refusal_proposes_grants_it(place: Place) -> None:
    """The command as it is printed, typed by the administrator."""
    place.admin.apply(workflow("quick", nodes=QUICK))
    said = orchestrator(place, "app", "run", "quick")
    while said.code == 2:
        line = next(line for line in said.text.splitlines() if "kubectl create" in line)
        place.admin(*line.split()[1:])
        said = until_other(place, said)
    assert said.code == 0, said
    for name in ("app-run", "app-view"):
        place.admin("delete", "rolebinding", name, "--ignore-not-found")
    place.admin("delete", "awfx", "--all")


def until_other(place: Place, before: Said) -> Said:
    """What the same command says once the API server acts on a new binding."""

    def check() -> Said | None:
        said = orchestrator(place, "app", "run", "quick")
        return said if said != before else None

    said: Said = eventually(check)
    return said


def test_who_acts_as_somebody_decides_in_that_name(place: Place, tmp_path: Path) -> None:
    ask = {"approvers": ["group:sre"], "required": 2}
    place.admin.apply(workflow("asks", nodes=[{"name": "ask", "approval": ask}]))
    assert create(place["cas"], execution("asks", "run")) == ""
    eventually(lambda: node(place)["phase"] == "Waiting")
    place.people["root"] = place.admin.kubeconfig
    flags = ("--as", "app", "--as-group", "sre", "--as-group", "system:authenticated")
    said = orchestrator(place, "root", "approve", "run", *flags)
    assert said == Said(0, "workflowexecution/run: app approved ask\n")
    config = yaml.safe_load(place.admin.kubeconfig.read_text())
    config["users"][0]["user"] |= {"as": "bob", "as-groups": ["sre", "system:authenticated"]}
    place.people["as-bob"] = tmp_path / "config"
    place.people["as-bob"].write_text(yaml.safe_dump(config))
    # Without the group that makes bob eligible it is refused, and with it his.
    alone = orchestrator(place, "as-bob", "approve", "run", "--as-group", "system:authenticated")
    assert alone.code == 2
    assert "bob" in alone.text
    assert orchestrator(place, "as-bob", "approve", "run").code == 0
    assert ended(place.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["app", "bob"]
    started = orchestrator(place, "root", "run", "asks", "--name", "other", "--as", "cas")
    assert started.code == 0, started
    assert place.admin.get("awfx", "other")["spec"]["requester"] == "cas"
    refused = orchestrator(place, "run", "get", "executions", "--as", "dot")
    assert refused.code == 2
    assert "run may not impersonate users in the whole cluster" in refused.text
    place.admin("delete", "awfx", "--all")
