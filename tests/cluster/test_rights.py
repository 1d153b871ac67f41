"""What each right is worth: the policies rule by rule, tried by people who hold one right.

tests/cluster/roles_environment.py lists who holds which. Each of them tries what the rights of the
others allow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.roles_environment import roles_environment
from tests.cluster.user_environment import UserEnvironment, decision, node, start_approval
from tests.kube import ended, eventually, execution, workflow

UID = "6a9f0b1e-0000-4000-8000-000000000000"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "bait", "uid": UID}
LABEL = "automation.itechsmart.dev/trigger-uid"
SIGNERS = ("app", "sig", "ctl", "dot")


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UserEnvironment]:
    with roles_environment(kubeconfig, account, tmp_path_factory.mktemp("rights")) as env:
        yield env


@pytest.fixture
def waiting(env: UserEnvironment) -> Iterator[UserEnvironment]:
    """The same with an execution `run`, started by cas, that waits for an approval."""
    start_approval(env, approvers=["group:sre"], required=2)
    yield env
    env.admin("delete", "awfx", "--all")


def test_who_may_sign_changes_nothing_that_deletes_or_relabels(waiting: UserEnvironment) -> None:
    marker = {"automation.itechsmart.dev/mine": "1"}
    waiting.admin("label", "awfx", "run", *(f"{key}={value}" for key, value in marker.items()))
    before = waiting.admin.get("awfx", "run")["metadata"]
    for user in SIGNERS:
        tried = {
            "metadata.ownerReferences": {"ownerReferences": [OWNER]},
            "metadata.finalizers": {"finalizers": ["example.com/never"]},
            "labels of automation.itechsmart.dev": {"labels": {LABEL: UID}},
        }
        for what, metadata in tried.items():
            said = waiting.merge(user, "run", {"metadata": metadata})
            assert f"{user} may not change {what}" in said
        velero = {"velero.io/restore-name": "monday"}
        for change in ({LABEL: ""}, dict.fromkeys(marker), dict.fromkeys(marker, "2"), velero):
            said = waiting.merge(user, "run", {"metadata": {"labels": change}})
            assert f"{user} may not change labels of automation.itechsmart.dev" in said
        bulk = {f"example.com/{at}": "x" * 60_000 for at in range(2)}
        said = waiting.merge(user, "run", {"metadata": {"annotations": bulk}})
        assert "labels and annotations are at most 64 KiB together" in said
        many = {f"example.com/{at}": "x" * 60 for at in range(2000)}
        said = waiting.merge(user, "run", {"metadata": {"labels": many}})
        assert "labels and annotations are at most 64 KiB together" in said
    after = waiting.admin.get("awfx", "run")["metadata"]
    for field in ("labels", "annotations", "ownerReferences", "finalizers"):
        assert after.get(field) == before.get(field)


def test_labels_of_others_stay_free_and_who_may_delete_may_change_the_rest(
    waiting: UserEnvironment,
) -> None:
    assert waiting.merge("app", "run", {"metadata": {"labels": {"team": "shop"}}}) == ""
    bait = waiting.admin("create", "configmap", "bait", "-o", "jsonpath={.metadata.uid}")
    for metadata in (
        {"finalizers": ["example.com/mine"]},
        {"ownerReferences": [OWNER | {"uid": bait}]},
        {"labels": {LABEL: UID}},
        {"finalizers": None, "ownerReferences": None, "labels": {LABEL: None}},
    ):
        assert waiting.merge("edit", "run", {"metadata": metadata}) == ""


def test_kubernetes_own_collector_still_deletes_in_its_three_ways(env: UserEnvironment) -> None:
    """In the foreground it takes a finalizer off, and of orphans an owner."""
    sub = {"name": "sub", "workflow": {"name": "asks"}}
    ask = {"name": "ask", "approval": {"approvers": ["user:nobody"]}}
    env.admin.apply(workflow("asks", nodes=[ask]), workflow("calls", nodes=[sub]))
    for how in ("background", "foreground", "orphan"):
        assert (
            env["cas"]
            .attempt("create", "-f", "-", stdin=json.dumps(execution("calls", how)))
            .returncode
            == 0
        )

        def child(parent: str = how) -> Any:
            record = env.admin.get("awfx", parent).get("status", {}).get("nodes", {})
            return record.get("sub", {}).get("execution")

        name = eventually(child)
        done = env["edit"].attempt("delete", "awfx", how, f"--cascade={how}", "--timeout=30s")
        assert done.returncode == 0, done.stderr
        if how == "orphan":
            left = env.admin.get("awfx", name)["metadata"]
            assert "ownerReferences" not in left
            continue
        eventually(partial(gone, env, name))
    env.admin("delete", "awfx", "--all")


def gone(env: UserEnvironment, name: str) -> bool:
    return name not in env.admin.names("awfx")


def test_who_may_patch_creates_nothing(env: UserEnvironment) -> None:
    for user in SIGNERS[:3]:
        raw = json.dumps(execution("ask", "made-by-apply"))
        done = env[user].attempt("apply", "--server-side", "-f", "-", stdin=raw)
        assert "cannot create resource" in done.stderr or "orbidden" in done.stderr
    assert "made-by-apply" not in env.admin.names("awfx")


def test_who_may_sign_does_nothing_else(waiting: UserEnvironment) -> None:
    entry = {"id": "1", "name": "go"}
    verbs = {
        "app": decision("app", groups=["sre"]),
        "sig": {"signals": [{**entry, "by": "sig"}]},
        "ctl": {"desiredState": "Paused"},
    }
    for user in ("app", "sig", "ctl", "run", "view"):
        own = {
            "app": decision(user),
            "sig": {"signals": [{**entry, "by": user}]},
            "ctl": {"desiredState": "Cancelled"},
        }
        for holder, spec in own.items():
            if holder != user:
                said = waiting.patch(user, "run", spec)
                assert f"{user} may not" in said or "forbidden" in said.lower()
        deleted = waiting[user].attempt("delete", "awfx", "run")
        assert "forbidden" in deleted.stderr.lower()
        body = {"status": {"phase": "Succeeded"}}
        assert "orbidden" in waiting.merge(user, "run", body, "--subresource=status")
        changed = waiting.patch(user, "run", {"requester": user})
        assert "cannot change" in changed or "forbidden" in changed.lower()
    assert waiting.admin.get("awfx", "run")["spec"].get("decisions") is None
    for user, spec in verbs.items():
        assert waiting.patch(user, "run", spec) == ""


def test_status_is_the_operators_whoever_else_may_write(waiting: UserEnvironment) -> None:
    body = {"status": {"phase": "Succeeded"}}
    for user in ("dot", "edit"):
        assert "forbidden" in waiting.merge(user, "run", body, "--subresource=status").lower()
    done = waiting.admin.attempt(
        "patch", "awfx", "run", "--subresource=status", "--type=merge", "-p", json.dumps(body)
    )
    assert "only the operator writes" in done.stderr


def test_who_may_run_begins_with_nothing_but_a_workflow_and_variables(env: UserEnvironment) -> None:
    env.admin.apply(workflow("ask", nodes=[{"name": "a", "transform": {"x": "1"}}]))
    trigger = {"type": "schedule", "name": "nightly"}
    parent = {"name": "p", "uid": UID, "node": "a", "depth": 1}
    specs: dict[str, dict[str, Any]] = {
        "the verb trigger": {"trigger": trigger},
        "the verb trigger on": {"parent": parent},
        "leave it out or write run": {"requester": "ana"},
        "an execution begins without": decision("run"),
        "begins without": {"signals": [{"id": "1", "name": "go", "by": "run"}]},
        "it requires the verb control": {"desiredState": "Paused"},
        "requires the verb control on": {"desiredState": "Terminated"},
        "it requires the verb rerun": {"rerunOf": {"name": "old", "from": ["a"]}},
    }
    for said, spec in specs.items():
        assert said in env.refused("run", spec)
    metadata: dict[str, dict[str, Any]] = {
        "metadata.ownerReferences": {"ownerReferences": [OWNER]},
        "metadata.finalizers": {"finalizers": ["example.com/never"]},
        "labels of automation": {"labels": {LABEL: UID}},
    }
    for said, fields in metadata.items():
        assert f"run may not change {said}" in env.refused("run", {}, **fields)
    bulk = {f"example.com/{at}": "x" * 60_000 for at in range(2)}
    assert "at most 64 KiB" in env.refused("run", {}, annotations=bulk)
    fat: list[dict[str, Any]] = [{"x": "y" * 300_000}, {"l": [[]] * 450_000}]
    for large in fat:
        said = env.refused("run", {"variables": large})
        assert "spec.variables: all together are at most 256 KiB" in said
    at_most = execution("ask", "wide", variables={"x": "y" * 131_000})
    done = env["run"].attempt("create", "-f", "-", stdin=json.dumps(at_most))
    assert done.returncode == 0, done.stderr
    assert env.refused("run", {}, labels={"team": "shop"}) == ""
    assert ended(env.admin, "run")["status"]["phase"] == "Succeeded"
    again = execution("ask", "again", rerunOf={"name": "run", "from": ["a"]})
    done = env["dot"].attempt("create", "-f", "-", stdin=json.dumps(again))
    assert done.returncode == 0, done.stderr
    assert ended(env.admin, "again")["status"]["phase"] == "Succeeded"
    env.admin("delete", "awfx", "--all")


def test_a_person_replaces_their_own_decision_while_the_node_waits(
    waiting: UserEnvironment,
) -> None:
    mine = {"node": "ask", "by": "app", "decision": "Approve", "comment": "fine"}
    assert waiting.patch("app", "run", {"decisions": [mine]}) == ""
    theirs = {"node": "ask", "by": "bob", "decision": "Approve"}
    for forged in (mine | {"decision": "Reject"}, mine | {"comment": ""}):
        said = waiting.patch("bob", "run", {"decisions": [forged]})
        assert "by must be bob, who decides" in said
        said = waiting.patch("bob", "run", {"decisions": [forged, theirs]})
        assert "by must be bob, who decides" in said
    for kept in ([], [theirs]):
        assert "cannot be taken back" in waiting.patch("bob", "run", {"decisions": kept})
    assert "cannot be taken back" in waiting.patch("app", "run", {"decisions": []})
    grown = mine | {"groups": ["admins"]}
    assert "groups must be some of those" in waiting.patch("app", "run", {"decisions": [grown]})
    better = mine | {"groups": ["sre"], "comment": "better"}
    assert waiting.patch("app", "run", {"decisions": [better]}) == ""
    assert waiting.patch("bob", "run", {"decisions": [better, theirs | {"groups": ["sre"]}]}) == ""
    assert ended(waiting.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["app", "bob"]
    late = better | {"decision": "Reject"}
    said = waiting.patch("app", "run", {"decisions": [late, theirs | {"groups": ["sre"]}]})
    assert "the node does not wait for a decision" in said


def test_an_execution_cannot_be_filled_up(waiting: UserEnvironment) -> None:
    large = {"text": "x" * 6000}
    assert "inputs are at most 4 KiB" in waiting.patch("app", "run", decision("app", inputs=large))
    wide = {"text": "\N{SNOWMAN}" * 2000}
    assert "inputs are at most 4 KiB" in waiting.patch("app", "run", decision("app", inputs=wide))

    def signals(count: int, payload: dict[str, Any]) -> dict[str, Any]:
        entry = {"name": "go", "by": "sig", "payload": payload}
        return {"signals": [{**entry, "id": str(at)} for at in range(count)]}

    assert "a payload is at most 4 KiB" in waiting.patch("sig", "run", signals(1, large))
    said = waiting.patch("sig", "run", signals(251, {}))
    assert "those of sig are more than 250 or 128 KiB" in said
    said = waiting.patch("sig", "run", signals(40, {"text": "x" * 4000}))
    assert "those of sig are more than 250 or 128 KiB" in said
    assert waiting.patch("sig", "run", signals(30, {"text": "x" * 4000})) == ""
    vote = decision("app", groups=["sre"], inputs={"text": "x" * 4000})
    assert waiting.patch("app", "run", vote) == ""
    eventually(lambda: "1 of 2" in node(waiting).get("message", ""))


def test_full_lists_cost_the_api_server_nothing_that_refuses_the_next_one(
    waiting: UserEnvironment,
) -> None:
    """The policies' work grows with the entries: with their square it exceeds Kubernetes' limit."""
    every: list[dict[str, Any]] = []
    for user in ("sig", "dot"):
        every += [
            {"id": f"{user}-{at}", "name": "go", "by": user, "payload": {"text": "x" * 300}}
            for at in range(250)
        ]
        assert waiting.patch(user, "run", {"signals": every}) == ""
    assert waiting.patch("app", "run", decision("app", groups=["sre"])) == ""
    assert waiting.patch("ctl", "run", {"desiredState": "Paused"}) == ""
    eventually(lambda: waiting.admin.get("awfx", "run")["status"]["phase"] == "Paused")
