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
from tests.cluster.roles_environment import roles_environment
from tests.cluster.user_environment import UserEnvironment, node
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, ended, eventually, execution, manifest, workflow

QUICK = [{"name": "a", "transform": {"x": "1"}}]
HELD = [{"name": "ask", "wait": {"signal": "go"}}, *QUICK]
HELD_EDGES = [{"from": "ask", "to": "a"}]


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UserEnvironment]:
    with roles_environment(kubeconfig, account, tmp_path_factory.mktemp("pairs")) as env:
        yield env


def create(kubectl: Kubectl, raw: dict[str, Any]) -> str:
    """What the API server says to the creation; empty when it took it."""
    done = kubectl.attempt("create", "-f", "-", stdin=json.dumps(raw))
    return "" if done.returncode == 0 else done.stderr


def release(env: UserEnvironment, name: str) -> None:
    """Let an execution that waits for the signal go on."""
    signal = {"id": "1", "name": "go", "by": "sig"}
    eventually(lambda: env.patch("sig", name, {"signals": [signal]}) == "")


def held(env: UserEnvironment, name: str, **spec: Any) -> dict[str, Any]:
    """An execution that cas started, once it waits for the signal."""
    assert create(env["cas"], execution("held", name, **spec)) == ""
    found: dict[str, Any] = eventually(
        lambda: (
            env.admin.get("awfx", name).get("status", {}).get("nodes", {}).get("ask")
            and env.admin.get("awfx", name)
        )
    )
    return found


def test_who_may_run_keeps_no_trigger_from_firing(env: UserEnvironment) -> None:
    env.admin.apply(
        workflow("held", nodes=HELD, edges=HELD_EDGES),
        workflow("next", nodes=QUICK),
        manifest("Trigger", "after", {"workflow": "next", "execution": {"workflow": "held"}}),
    )
    uid = env.admin.get("awft", "after")["metadata"]["uid"]
    source = held(env, "source")
    taken = [execution_name("after", uid, source["metadata"]["uid"], salt) for salt in (0, 1)]
    for name in taken:
        assert create(env["run"], execution("next", name)) == ""
    release(env, "source")

    def own() -> list[dict[str, Any]]:
        items = env.admin.get("awfx")["items"]
        return [raw for raw in items if raw["spec"].get("trigger", {}).get("uid") == uid]

    (made,) = eventually(own)
    assert made["metadata"]["name"] not in taken
    assert ended(env.admin, made["metadata"]["name"])["status"]["phase"] == "Succeeded"

    def warned() -> bool:
        events = env.admin.get("events")["items"]
        about = [one for one in events if one["involvedObject"]["name"] == "after"]
        return {one["reason"] for one in about} == {"NameTaken"}

    eventually(warned)
    counts = env.admin.get("awft", "after")["status"]["counts"]
    assert (counts["received"], counts["started"]) == (1, 1)
    env.admin("delete", "awft,awfx", "--all")


def test_who_may_run_fails_no_sub_workflow_of_others(env: UserEnvironment) -> None:
    sub = {"name": "sub", "workflow": {"name": "next"}}
    env.admin.apply(
        workflow("next", nodes=QUICK),
        workflow("held", nodes=[*HELD, sub], edges=[*HELD_EDGES, {"from": "a", "to": "sub"}]),
    )
    uid = held(env, "parent")["metadata"]["uid"]
    for salt in (0, 1):
        name = job_name("held", "sub", uid, 1, salt)
        assert create(env["run"], execution("next", name)) == ""
    release(env, "parent")
    status = ended(env.admin, "parent")["status"]
    assert status["phase"] == "Succeeded"
    child = env.admin.get("awfx", status["nodes"]["sub"]["execution"])
    assert child["spec"]["parent"]["uid"] == uid
    env.admin("delete", "awfx", "--all")


def test_what_proves_a_result_is_written_by_none_of_them(env: UserEnvironment) -> None:
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
        assert allowed(env, user, asked) == []
    of_edit = allowed(env, "edit", asked)
    assert not {what for _, what in of_edit} & {
        "controllerrevisions.apps",
        "workflowexecutions.automation.itechsmart.dev/status",
        "triggers.automation.itechsmart.dev/status",
    }
    assert ("trigger", "workflowexecutions.automation.itechsmart.dev") not in of_edit
    assert ("delete", "workflowexecutions.automation.itechsmart.dev") in of_edit


def allowed(env: UserEnvironment, user: str, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the rights that a user holds in the namespace."""
    reviews = []
    for verb, resource in asked:
        name, _, subresource = resource.partition("/")
        plural, _, group = name.partition(".")
        attributes = {
            "namespace": env.admin.namespace,
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        reviews.append(review | {"spec": {"user": user, "resourceAttributes": attributes}})
    every = {"apiVersion": "v1", "kind": "List", "items": reviews}
    shown = 'jsonpath={.status.allowed}{"\\n"}'
    answers = env.admin("create", "-f", "-", "-o", shown, stdin=json.dumps(every)).splitlines()
    assert len(answers) == len(asked)
    return [one for one, answer in zip(asked, answers, strict=True) if answer == "true"]


def test_edit_in_one_namespace_reaches_nothing_of_another(env: UserEnvironment) -> None:
    theirs = {"action": {"image": "example.com/private:1", "command": ["true"]}}
    env.admin.apply(
        manifest("Template", "private", theirs),
        workflow("next", nodes=QUICK, concurrency={"limit": 1, "group": "shared"}),
        workflow("held", nodes=HELD, edges=HELD_EDGES),
    )
    assert create(env["cas"], execution("next", "source")) == ""
    ended(env.admin, "source")
    other = fresh_namespace(env.admin)
    other("create", "rolebinding", "edit", "--clusterrole=edit", "--user=app")
    edit = Kubectl(env.people["app"], other.namespace)
    inside = Kubectl(env.people["app"], env.admin.namespace)
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
    assert create(env["cas"], execution("next", "free")) == ""
    assert ended(env.admin, "free")["status"]["phase"] == "Succeeded"
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
    env.admin("delete", "awfx", "--all")


def test_who_may_sign_or_run_touches_no_list_of_slots(env: UserEnvironment) -> None:
    env.admin.apply(
        workflow("held", nodes=HELD, edges=HELD_EDGES, concurrency={"limit": 1}),
    )
    held(env, "first")
    assert create(env["cas"], execution("held", "second")) == ""
    slots = [name for name in env.admin.names("configmaps") if name != "kube-root-ca.crt"]
    for user in ("run", "app", "sig", "ctl", "dot"):
        for name in slots:
            done = env[user].attempt("delete", "configmap", name)
            assert "orbidden" in done.stderr
    eventually(lambda: env.admin.get("awfx", "second")["status"]["phase"] == "Queued")
    release(env, "first")
    release_second = {"id": "1", "name": "go", "by": "sig"}
    eventually(lambda: env.patch("sig", "second", {"signals": [release_second]}) == "")
    assert ended(env.admin, "second")["status"]["phase"] == "Succeeded"
    env.admin("delete", "awfx", "--all")


@dataclass(frozen=True)
class Said:
    code: int
    text: str


def orchestrator(env: UserEnvironment, user: str, *arguments: str) -> Said:
    """The command line, in this process: more than a hundred of them take a few seconds."""
    config = str(env.people[user])
    done = CliRunner().invoke(app, ["--kubeconfig", config, "-n", env.admin.namespace, *arguments])
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


def test_each_command_says_which_right_is_missing_and_what_grants_it(env: UserEnvironment) -> None:
    ask = {"approvers": ["group:sre"], "required": 5}
    env.admin.apply(
        workflow("quick", nodes=QUICK), workflow("asks", nodes=[{"name": "ask", "approval": ask}])
    )
    assert create(env["cas"], execution("asks", "run")) == ""
    assert create(env["cas"], execution("quick", "done")) == ""
    ended(env.admin, "done")
    eventually(lambda: node(env)["phase"] == "Waiting")
    users = ("run", "app", "sig", "ctl", "view", "dot", "edit")
    for command, holders in COMMANDS.items():
        # Who holds the right comes last: what is asked for already takes none.
        for user in sorted(users, key=lambda one: one in holders.split()):
            said = orchestrator(env, user, *command.split())
            if user in holders.split():
                assert said.code == 0, (user, command, said)
                continue
            assert said.code == 2, (user, command, said)
            assert f"{user} may not" in said.text, (user, command, said)
            assert f"kubectl create rolebinding {user}-" in said.text, (user, command, said)
    told = orchestrator(env, "sig", "explain", "run")
    assert "sig may not get controllerrevisions" in told.text
    assert "ask is Waiting (AwaitingApproval): " in told.text
    full = orchestrator(env, "dot", "explain", "run")
    assert "ask began because" in full.text
    env.admin("delete", "awfx", "--all")


def test_what_a_refusal_proposes_grants_it(env: UserEnvironment) -> None:
    """The command as it is printed, typed by the administrator."""
    env.admin.apply(workflow("quick", nodes=QUICK))
    said = orchestrator(env, "app", "run", "quick")
    while said.code == 2:
        line = next(line for line in said.text.splitlines() if "kubectl create" in line)
        env.admin(*line.split()[1:])
        said = until_other(env, said)
    assert said.code == 0, said
    for name in ("app-run", "app-view"):
        env.admin("delete", "rolebinding", name, "--ignore-not-found")
    env.admin("delete", "awfx", "--all")


def until_other(env: UserEnvironment, before: Said) -> Said:
    """What the same command says once the API server acts on a new binding."""

    def check() -> Said | None:
        said = orchestrator(env, "app", "run", "quick")
        return said if said != before else None

    said: Said = eventually(check)
    return said


def test_who_acts_as_somebody_decides_in_that_name(env: UserEnvironment, tmp_path: Path) -> None:
    ask = {"approvers": ["group:sre"], "required": 2}
    env.admin.apply(workflow("asks", nodes=[{"name": "ask", "approval": ask}]))
    assert create(env["cas"], execution("asks", "run")) == ""
    eventually(lambda: node(env)["phase"] == "Waiting")
    env.people["root"] = env.admin.kubeconfig
    flags = ("--as", "app", "--as-group", "sre", "--as-group", "system:authenticated")
    said = orchestrator(env, "root", "approve", "run", *flags)
    assert said == Said(0, "workflowexecution/run: app approved ask\n")
    config = yaml.safe_load(env.admin.kubeconfig.read_text())
    config["users"][0]["user"] |= {"as": "bob", "as-groups": ["sre", "system:authenticated"]}
    env.people["as-bob"] = tmp_path / "config"
    env.people["as-bob"].write_text(yaml.safe_dump(config))
    # Without the group that makes bob eligible it is refused, and with it his.
    alone = orchestrator(env, "as-bob", "approve", "run", "--as-group", "system:authenticated")
    assert alone.code == 2
    assert "bob" in alone.text
    assert orchestrator(env, "as-bob", "approve", "run").code == 0
    assert ended(env.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["app", "bob"]
    started = orchestrator(env, "root", "run", "asks", "--name", "other", "--as", "cas")
    assert started.code == 0, started
    assert env.admin.get("awfx", "other")["spec"]["requester"] == "cas"
    refused = orchestrator(env, "run", "get", "executions", "--as", "dot")
    assert refused.code == 2
    assert "run may not impersonate users in the whole cluster" in refused.text
    env.admin("delete", "awfx", "--all")
