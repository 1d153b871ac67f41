"""The REST API against a real API server, by users with rights of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.models.labels import TRACEPARENT
from tests.admission_policies import POLICIES
from tests.api_process import streaming
from tests.cluster.api_environment import ApiEnvironment, api_environment
from tests.cluster.user_environment import UserEnvironment, until_in_effect
from tests.kube import ended, eventually, execution, running_operator, workflow
from tests.kube import manifest as described

WAITS = {"name": "hold", "wait": {"signal": "go"}}
QUIET = {"name": "quiet", "action": "local/quiet"}


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiEnvironment]:
    folder = tmp_path_factory.mktemp("api")
    with api_environment(kubeconfig, folder) as env:
        env.admin("apply", "--server-side", "-f", POLICIES)
        until_in_effect(UserEnvironment(env.admin, {}))
        with running_operator(account, folder / "operator.log"):
            yield env
        env.admin("delete", "-f", POLICIES)


def spec(**fields: object) -> dict[str, object]:
    return {"nodes": [WAITS], **fields}


def manifest(name: str, **fields: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": spec(**fields)}


def template(name: str, **fields: object) -> dict[str, object]:
    return described("Template", name, dict(fields))


@pytest.mark.routes("GET /health")
def test_a_request_without_a_valid_token_is_refused_and_probes_need_none(
    env: ApiEnvironment,
) -> None:
    for user in (env["anyone"], env["anyone"].within("not-a-token")):
        for path in ("/workflows", "/me", "/executions/x"):
            refused = user("GET", path)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert refused.headers["content-type"] == "application/problem+json"
    for path in ("/health", "/readiness"):
        assert env["anyone"]("GET", path).body == {"status": "ok"}
    assert env["anyone"]("GET", "/openapi.json").status == 200


@pytest.mark.routes("GET /me")
def test_the_administrators_certificate_of_the_kubeconfig_serves_no_one(
    env: ApiEnvironment,
) -> None:
    me = env["none"]("GET", f"/me?namespace={env.namespace}")
    assert me.body["username"] == f"system:serviceaccount:{env.namespace}:none"
    assert "workflows" not in me.body["rights"]
    refused = env["none"]("GET", f"/workflows?namespace={env.namespace}")
    assert refused.status == 403
    assert "may not list workflows in namespace" in refused.body["detail"]


@pytest.mark.routes(
    "GET /workflows",
    "POST /workflows",
    "GET /workflows/{id}",
    "PUT /workflows/{id}",
    "PATCH /workflows/{id}",
    "DELETE /workflows/{id}",
    "POST /workflows/{id}/activate",
    "POST /workflows/{id}/deactivate",
    "POST /workflows/{id}/archive",
    "POST /workflows/{id}/duplicate",
)
def test_a_workflow_is_created_changed_copied_and_deleted(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    made = edit("POST", f"/workflows{where}", manifest("life", title="First"))
    assert made.status == 201, made.text
    uid, tag = made.body["metadata"]["uid"], made.headers["etag"]
    assert edit("POST", f"/workflows{where}", manifest("life")).status == 409
    for identifier in (f"life{where}", f"{env.namespace}:life", f"{uid}{where}"):
        read = edit("GET", f"/workflows/{identifier}")
        assert read.body["metadata"]["uid"] == uid
    patched = edit("PATCH", f"/workflows/life{where}", {"spec": {"title": "Second"}})
    assert patched.body["spec"]["title"] == "Second"
    stale = {"If-Match": tag}
    assert edit("PATCH", f"/workflows/life{where}", {"spec": {"title": "x"}}, stale).status == 412
    replacement = manifest("life", title="Third")
    assert edit("PUT", f"/workflows/life{where}", replacement).status == 428
    assert edit("PUT", f"/workflows/life{where}", replacement, stale).status == 412

    def replace() -> bool:  # the operator may write the status in between
        now = {"If-Match": edit("GET", f"/workflows/life{where}").headers["etag"]}
        return edit("PUT", f"/workflows/life{where}", replacement, now).status == 200

    eventually(replace)
    read = edit("GET", f"/workflows/life{where}")
    assert read.body["spec"]["title"] == "Third"
    for action, state in (("deactivate", "Inactive"), ("archive", "Archived")):
        assert edit("POST", f"/workflows/life/{action}{where}").body["spec"]["state"] == state
    listed = edit("GET", f"/workflows{where}&text=third")
    assert listed.body["items"] == []
    assert edit("GET", f"/workflows{where}&text=third&state=Archived").body["total"] == 1
    assert edit("POST", f"/workflows/life/activate{where}").body["spec"]["state"] == "Active"
    labels = {"team": "sre", "app.kubernetes.io/instance": "app"}  # the latter is Argo CD's
    edit("PATCH", f"/workflows/life{where}", {"metadata": {"labels": labels}})
    copy = edit("POST", f"/workflows/life/duplicate{where}", {"name": "copy"})
    assert copy.body["metadata"]["labels"] == {"team": "sre"}
    assert (copy.status, copy.body["spec"]["state"]) == (201, "Draft")
    assert edit("DELETE", f"/workflows/copy{where}").status == 428
    assert edit("DELETE", f"/workflows/copy{where}", headers={"If-Match": "*"}).status == 204
    assert edit("GET", f"/workflows/copy{where}").status == 404
    missing = edit("GET", f"/workflows/lief{where}")
    assert missing.status == 404
    assert "did you mean 'life'" in missing.body["detail"]


@pytest.mark.routes("POST /workflows/validate", "POST /workflows/{id}/validate")
def test_a_wrong_manifest_names_each_path_and_the_nearest_field(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    wrong = {"metadata": {"name": "wrong"}, "spec": {"nodes": [{"name": "a", "delai": "3s"}]}}
    refused = edit("POST", f"/workflows{where}", wrong)
    assert refused.status == 422
    assert refused.body["errors"][0]["path"] == "spec.nodes[0]"
    assert "'delay'" in refused.body["errors"][0]["message"]
    odd = edit("POST", f"/workflows{where}", {"metadata": {"nam": "x"}, "spec": {}})
    assert any("'name'" in one["message"] for one in odd.body["errors"])
    found = edit("POST", f"/workflows/validate{where}", wrong)
    assert (found.status, found.body["valid"]) == (200, False)
    edit("POST", f"/workflows{where}", manifest("right"))
    assert edit("POST", f"/workflows/right/validate{where}").body["valid"]
    env.admin.apply(workflow("unknown", nodes=[{"name": "a", "action": "local/absent"}]))
    stored = edit("POST", f"/workflows/unknown/validate{where}").body
    assert (stored["valid"], stored["errors"][0]["path"]) == (False, "spec.nodes[0].action")
    parameter = edit("GET", f"/workflows?namespcae={env.namespace}")
    assert parameter.status == 422
    assert "namespace" in parameter.body["detail"]


@pytest.mark.routes("POST /workflows/{id}/execute")
def test_a_repeated_creation_gives_the_same_object(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    key = {"Idempotency-Key": "k-1"}
    made = [edit("POST", f"/workflows{where}", manifest("once"), key) for _ in range(2)]
    assert [one.status for one in made] == [201, 200]
    assert made[0].body["metadata"]["uid"] == made[1].body["metadata"]["uid"]
    assert edit("POST", f"/workflows{where}", manifest("once", title="x"), key).status == 422
    started = [edit("POST", f"/workflows/once/execute{where}", {}, key) for _ in range(3)]
    assert [one.status for one in started] == [201, 200, 200]
    assert len({one.body["metadata"]["name"] for one in started}) == 1
    assert edit("POST", f"/workflows/once/execute{where}", {"dryRun": True}, key).status == 422
    edit("POST", f"/workflows/once/deactivate{where}")
    assert edit("POST", f"/workflows/once/execute{where}").status == 409
    repeated = edit("POST", f"/workflows/once/execute{where}", {}, key)
    assert repeated.body["metadata"]["uid"] == started[0].body["metadata"]["uid"]


@pytest.mark.routes(
    "GET /executions",
    "GET /workflows/{id}/executions",
    "GET /executions/{id}",
    "GET /executions/{id}/nodes",
    "GET /executions/{id}/nodes/{node}",
    "GET /executions/{id}/explain",
    "POST /executions/{id}/pause",
    "POST /executions/{id}/resume",
    "POST /executions/{id}/cancel",
    "POST /executions/{id}/rerun",
    "POST /executions/{id}/signal",
)
def test_an_execution_is_read_controlled_signalled_and_run_again(env: ApiEnvironment) -> None:
    oncall, where = env["oncall"], f"?namespace={env.namespace}"
    env.admin.apply(workflow("steps", nodes=[WAITS]))
    trace = f"00-{'a1' * 16}-{'b2' * 8}-01"
    header = {"traceparent": trace}
    made = oncall("POST", f"/workflows/steps/execute{where}", {"name": "run"}, header)
    assert made.body["metadata"]["annotations"][TRACEPARENT] == trace
    assert made.status == 201, made.text
    eventually(lambda: "hold" in oncall("GET", f"/executions/run/nodes{where}").body["items"])
    assert oncall("GET", f"/executions/run/nodes/hold{where}").body["phase"] == "Waiting"
    assert oncall("GET", f"/executions/run/nodes/hol{where}").status == 404
    assert oncall("GET", f"/executions/run{where}").body["metadata"]["name"] == "run"
    assert "hold" in oncall("GET", f"/executions/run/explain{where}").body["nodes"]
    assert oncall("POST", f"/executions/run/pause{where}").body["spec"]["desiredState"] == "Paused"
    resumed = oncall("POST", f"/executions/run/resume{where}")
    assert resumed.body["spec"]["desiredState"] == "Running"
    sent = oncall("POST", f"/executions/run/signal{where}", {"name": "go"})
    assert sent.status == 200, sent.text
    assert ended(env.admin, "run")["status"]["phase"] == "Succeeded"
    again = oncall("POST", f"/executions/run/rerun{where}", {"from": ["hold"]})
    assert again.status == 201, again.text
    name = again.body["metadata"]["name"]
    cancelled = oncall("POST", f"/executions/{name}/cancel{where}")
    assert cancelled.body["spec"]["desiredState"] == "Cancelled"
    assert ended(env.admin, name)["status"]["phase"] == "Cancelled"
    assert oncall("POST", f"/executions/run/signal{where}", {"name": "go"}).status == 409
    listed = oncall("GET", f"/executions{where}&phase=Succeeded&workflow=steps&since=1h")
    assert [one["metadata"]["name"] for one in listed.body["items"]] == ["run"]
    of_workflow = oncall("GET", f"/workflows/steps/executions{where}&limit=1")
    assert (of_workflow.body["total"], len(of_workflow.body["items"])) == (2, 1)
    following = oncall(
        "GET", f"/workflows/steps/executions{where}&limit=1&page={of_workflow.body['next']}"
    )
    assert len(following.body["items"]) == 1
    assert following.body["items"] != of_workflow.body["items"]


@pytest.mark.routes("POST /executions/{id}/decide")
def test_an_approval_is_decided_in_the_callers_own_name(env: ApiEnvironment) -> None:
    oncall, where = env["oncall"], f"?namespace={env.namespace}"
    me = f"system:serviceaccount:{env.namespace}:oncall"
    asked = {"approvers": [f"user:{me}"], "inputs": {"properties": {"ticket": {"type": "string"}}}}
    env.admin.apply(workflow("asks", nodes=[{"name": "ask", "approval": asked}]))
    oncall("POST", f"/workflows/asks/execute{where}", {"name": "asked"})
    path = f"/executions/asked/nodes/ask{where}"
    eventually(lambda: oncall("GET", path).body.get("reason") == "AwaitingApproval")
    decide = f"/executions/asked/decide{where}"
    stranger = env["admin"]("POST", decide, {"decision": "Approve"})
    assert stranger.status == 422
    assert "would not count" in stranger.body["detail"]
    wrong = oncall("POST", decide, {"decision": "Approve", "inputs": {"ticket": 7}})
    assert (wrong.status, "ticket" in wrong.body["detail"]) == (422, True)
    body = {"decision": "Approve", "inputs": {"ticket": "T-1"}, "comment": "fine"}
    decided = oncall("POST", decide, body)
    assert decided.body == {"node": "ask", "decision": "Approve", "by": me}
    done = ended(env.admin, "asked")
    assert done["status"]["phase"] == "Succeeded"
    assert done["status"]["nodes"]["ask"]["outputs"]["inputs"] == {me: {"ticket": "T-1"}}
    late = oncall("POST", decide, {"decision": "Reject"})
    assert late.status == 409


def test_a_list_names_the_namespaces_that_the_caller_may_not_list(env: ApiEnvironment) -> None:
    env.admin.apply(workflow("mine", nodes=[WAITS]))
    env.other.apply(workflow("hidden", nodes=[WAITS]))
    view = env["view"]
    everywhere = view("GET", "/workflows")
    assert everywhere.status == 403
    assert "?namespace=" in everywhere.body["detail"]
    some = view("GET", f"/workflows?namespace={env.namespace}&namespace={env.other.namespace}")
    assert some.body["notListed"] == [env.other.namespace]
    assert "hidden" not in some.text
    for path in (
        f"/workflows/{env.other.namespace}:hidden",
        f"/workflows/hidde?namespace={env.other.namespace}",
    ):
        refused = view("GET", path)
        assert refused.status == 403
        assert "did you mean" not in refused.text
    names = [one["metadata"]["name"] for one in env["admin"]("GET", "/workflows").body["items"]]
    assert {"mine", "hidden"} <= set(names)


def test_bodies_are_bounded_and_strict(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    deep = b'{"spec":' + b"[" * 200 + b"]" * 200 + b"}"
    assert edit("POST", f"/workflows{where}", deep).status == 400
    assert edit("POST", f"/workflows{where}", b"{").status == 400
    assert edit("POST", f"/workflows{where}", b"x" * (1024 * 1024 + 1)).status == 413
    text = {"Content-Type": "text/plain"}
    assert edit("POST", f"/workflows{where}", b"{}", text).status == 415
    yaml = b"metadata: {name: from-yaml}\nspec: {nodes: [{name: hold, wait: {signal: go}}]}\n"
    made = edit("POST", f"/workflows{where}", yaml, {"Content-Type": "application/yaml"})
    assert made.status == 201, made.text
    assert made.headers["x-content-type-options"] == "nosniff"
    assert json.loads(made.text)["metadata"]["name"] == "from-yaml"


@pytest.mark.routes(
    "GET /workflows/{id}/nodes",
    "POST /workflows/{id}/nodes",
    "GET /workflows/{id}/nodes/{node}",
    "PUT /workflows/{id}/nodes/{node}",
    "PATCH /workflows/{id}/nodes/{node}",
    "DELETE /workflows/{id}/nodes/{node}",
    "GET /workflows/{id}/edges",
    "POST /workflows/{id}/edges",
    "DELETE /workflows/{id}/edges",
    "PUT /workflows/{id}/layout",
    "GET /workflows/{id}/graph",
)
def test_nodes_edges_and_the_layout_are_changed_one_by_one(env: ApiEnvironment) -> None:
    edit, graph = env["edit"], f"/workflows/{env.namespace}:graph"
    env.admin.apply(workflow("graph", nodes=[WAITS]))
    added = edit("POST", f"{graph}/nodes", {"name": "pause", "delay": "1s"})
    assert added.status == 201, added.text
    wrong = edit("POST", f"{graph}/nodes", {"name": "odd", "delai": "1s"})
    assert wrong.body["errors"][0]["path"] == "spec.nodes[2]"
    assert edit("POST", f"{graph}/nodes", {"name": "pause", "delay": "1s"}).status == 409
    edge = edit("POST", f"{graph}/edges", {"from": "hold", "to": "pause"})
    assert edge.status == 201, edge.text
    unknown = edit("POST", f"{graph}/edges", {"from": "hold", "to": "puase"})
    assert "did you mean 'pause'" in unknown.body["detail"]
    assert edit("PATCH", f"{graph}/nodes/pause", {"delay": "2s"}).body["delay"] == "2s"
    replaced = edit("PUT", f"{graph}/nodes/pause", {"name": "pause", "delay": "3s"})
    assert replaced.body == {"name": "pause", "delay": "3s"}
    assert edit("GET", f"{graph}/nodes/pause").body["delay"] == "3s"
    layout = {"layout": {"pause": [80, 120]}}
    assert edit("PUT", f"{graph}/layout", layout).body == layout
    assert edit("GET", graph).body["spec"]["layout"] == layout["layout"]
    assert len(edit("GET", f"{graph}/edges").body["items"]) == 1
    removed = edit("DELETE", f"{graph}/nodes/pause")
    assert removed.body == {"node": "pause", "edges": [{"from": "hold", "to": "pause"}]}
    assert [one["name"] for one in edit("GET", f"{graph}/nodes").body["items"]] == ["hold"]
    again = edit("POST", f"{graph}/nodes", {"name": "pause", "delay": "1s"})
    assert again.status == 201
    assert edit("POST", f"{graph}/edges", {"from": "hold", "to": "pause"}).status == 201
    assert edit("DELETE", f"{graph}/edges?from=hold&to=pause").status == 204
    assert edit("GET", f"{graph}/edges").body["items"] == []
    for form, begins in (("svg", "<svg"), ("mermaid", "flowchart"), ("dot", "digraph")):
        assert begins in edit("GET", f"{graph}/graph?format={form}").text


@pytest.mark.routes("GET /workflows/{id}/export", "POST /workflows/import")
def test_an_export_is_imported_elsewhere_and_gives_the_same_text(env: ApiEnvironment) -> None:
    admin = env["admin"]
    env.admin.apply(workflow("moved", title="Moves", nodes=[WAITS]))
    exported = admin("GET", f"/workflows/{env.namespace}:moved/export")
    yaml = {"Content-Type": "application/yaml"}
    where = f"?namespace={env.other.namespace}"
    dry = admin("POST", f"/workflows/import{where}&dryRun=true", exported.text.encode(), yaml)
    assert dry.status == 200, dry.text
    assert "moved" not in env.other.names("awf")
    stored = admin("POST", f"/workflows/import{where}", exported.text.encode(), yaml)
    assert stored.body["items"][0]["metadata"]["namespace"] == env.other.namespace
    again = admin("GET", f"/workflows/{env.other.namespace}:moved/export")
    assert again.text == exported.text
    bad = [manifest("a") | {"apiVersion": "v1"}, {"kind": "Secret", "apiVersion": "v1"}]
    refused = admin("POST", f"/workflows/import{where}", bad)
    assert [one["path"] for one in refused.body["errors"]] == ["[0]", "[1]"]


@pytest.mark.routes("GET /executions/{id}/events", "GET /executions/{id}/graph")
def test_a_stream_shows_each_change_until_the_end_and_resumes(env: ApiEnvironment) -> None:
    oncall, run = env["oncall"], f"/executions/{env.namespace}:streamed"
    then = [WAITS, {"name": "after", "transform": {"x": "1"}}]
    edges = [{"from": "hold", "to": "after"}]
    env.admin.apply(workflow("streamed", nodes=then, edges=edges))
    oncall("POST", f"/workflows/{env.namespace}:streamed/execute", {"name": "streamed"})
    with streaming(oncall, f"{run}/events") as events:
        first = next(one for one in events if "hold" in one.data.get("nodes", {}))
        assert first.data["nodes"]["hold"]["phase"] in ("Pending", "Waiting")
        assert oncall("POST", f"{run}/signal", {"name": "go"}).status == 200
        rest = list(events)
    assert rest[-1].kind == "end"
    assert rest[-1].data == {"phase": "Succeeded"}
    assert any("after" in one.data.get("nodes", {}) for one in rest)
    with streaming(oncall, f"{run}/events", {"Last-Event-ID": first.id}) as resumed:
        seen = list(resumed)
    assert seen[0].data["nodes"].keys() == {"hold", "after"}
    assert oncall("GET", f"{run}/events", headers={"Last-Event-ID": rest[-1].id}).status == 204
    assert env["none"]("GET", f"{run}/events").status == 403
    assert oncall("GET", f"{run}/graph").text.startswith("<svg")


@pytest.mark.routes(
    "GET /executions/{id}/logs",
    "GET /executions/{id}/nodes/{node}/logs",
    "GET /workflows/{id}/revisions",
    "GET /workflows/{id}/revisions/{revision}",
)
def test_a_node_without_a_log_says_so_and_an_unknown_one_is_not_found(env: ApiEnvironment) -> None:
    oncall, run = env["oncall"], f"/executions/{env.namespace}:logged"
    image = {"image": "busybox", "command": ["true"]}
    env.admin.apply(template("quiet", action=image), workflow("logged", nodes=[QUIET]))
    oncall("POST", f"/workflows/{env.namespace}:logged/execute", {"name": "logged"})
    ended(env.admin, "logged")
    unread = oncall("GET", f"{run}/nodes/quiet/logs?tail=10&since=1h")
    assert unread.status == 503  # a fake node has no kubelet that serves logs
    assert "no preferred addresses" in unread.body["detail"]
    assert oncall("GET", f"{run}/nodes/quiet/logs?item=7").text == ""
    env.admin("delete", "pods", "--all", "--force", "--grace-period=0")
    gone = oncall("GET", f"{run}/nodes/quiet/logs")
    assert (gone.status, gone.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert gone.text == "quiet | (its pod was deleted, and its log with it)\n"
    assert oncall("GET", f"{run}/logs").text == gone.text
    assert oncall("GET", f"{run}/nodes/quiet/logs?search=other").text == ""
    assert oncall("GET", f"{run}/nodes/quiet/logs?follow=true").text == ""
    assert oncall("GET", f"{run}/nodes/quit/logs").status == 404
    revisions = oncall("GET", f"/workflows/{env.namespace}:logged/revisions").body["items"]
    name = revisions[0]["name"]
    assert [one["executions"] for one in revisions] == [1]
    frozen = oncall("GET", f"/workflows/{env.namespace}:logged/revisions/{name}")
    assert frozen.body["data"]["workflow"]["nodes"][0]["name"] == "quiet"


@pytest.mark.routes(
    "GET /triggers",
    "POST /triggers",
    "GET /workflows/{id}/triggers",
    "POST /workflows/{id}/triggers",
    "GET /triggers/{id}",
    "PUT /triggers/{id}",
    "PATCH /triggers/{id}",
    "DELETE /triggers/{id}",
    "POST /triggers/{id}/suspend",
    "POST /triggers/{id}/resume",
    "POST /triggers/{id}/test",
    "POST /triggers/{id}/fire",
    "GET /triggers/{id}/next",
    "GET /triggers/{id}/events",
)
def test_a_trigger_is_created_tested_fired_and_suspended(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    env.admin.apply(workflow("nightly", nodes=[WAITS]))
    body = {"metadata": {"name": "night"}, "spec": {"schedule": {"cron": "0 3 * * *"}}}
    made = edit("POST", f"/workflows/nightly/triggers{where}", body)
    assert made.status == 201, made.text
    assert made.body["spec"]["workflow"] == "nightly"
    by_hand = {"metadata": {"name": "hand"}, "spec": {"workflow": "nightly", "manual": {}}}
    assert edit("POST", f"/triggers{where}", by_hand).status == 201
    assert edit("GET", f"/triggers{where}&type=schedule").body["total"] == 1
    assert edit("GET", f"/workflows/nightly/triggers{where}").body["total"] == 2
    times = edit("GET", f"/triggers/night/next{where}&count=3").body["items"]
    assert len(times) == 3
    assert times[0]["at"].endswith("T03:00:00.000Z")
    assert edit("GET", f"/triggers/hand/next{where}").status == 409
    tested = edit("POST", f"/triggers/night/test{where}")
    assert tested.body["fires"], tested.text
    key = {"Idempotency-Key": "night-1"}
    fired = [edit("POST", f"/triggers/hand/fire{where}", {"inputs": {}}, key) for _ in range(2)]
    assert [one.status for one in fired] == [201, 200], fired[0].text
    assert edit("POST", f"/triggers/night/suspend{where}").body["spec"]["suspend"] is True
    assert edit("POST", f"/triggers/night/test{where}").body["why"] == "it is suspended"
    assert not edit("POST", f"/triggers/night/resume{where}").body["spec"].get("suspend")
    title = {"spec": {"schedule": {"cron": "0 4 * * *"}}}
    later = edit("PATCH", f"/triggers/night{where}", title)
    assert later.body["spec"]["schedule"]["cron"] == "0 4 * * *"
    assert edit("GET", f"/triggers/night/events{where}").body["items"] == []
    uid, event = later.body["metadata"]["uid"], {"slot": "2026-11-30T03:00:00Z"}
    started = {"type": "schedule", "name": "night", "uid": uid, "event": event}
    env.admin.create(execution("nightly", "by-night", trigger=started))
    (listed,) = edit("GET", f"/triggers/night/events{where}").body["items"]
    assert (listed["execution"], listed["event"]) == ("by-night", event)
    schedule = {"workflow": "nightly", "schedule": {"cron": "0 3 * * *"}}
    body = {"metadata": {"name": "night"}, "spec": schedule}
    assert edit("PUT", f"/triggers/night{where}", body, {"If-Match": "*"}).status == 200
    assert edit("GET", f"/triggers/night{where}").body["spec"]["schedule"]["cron"] == "0 3 * * *"
    assert edit("DELETE", f"/triggers/night{where}", headers={"If-Match": "*"}).status == 204
    assert edit("GET", f"/triggers/night{where}").status == 404


@pytest.mark.routes(
    "GET /templates",
    "GET /templates/{id}",
    "POST /templates/{id}/use",
    "GET /actions",
    "GET /actions/{id}",
    "POST /actions/{id}/test",
    "GET /node-types",
    "GET /trigger-types",
    "GET /action-types",
)
def test_templates_make_workflows_and_actions_are_tried(env: ApiEnvironment) -> None:
    edit, where = env["edit"], f"?namespace={env.namespace}"
    whole = {"nodes": [{"name": "end", "fail": "$[[ params.words ]]"}]}
    words = {"name": "words", "type": "string", "required": True}
    image = {"image": "busybox", "command": ["true"]}
    number = {"name": "count", "type": "integer", "maximum": 3}
    env.admin.apply(
        template("resting", parameters=[words], workflow=whole),
        template("counting", parameters=[number], action=image),
    )
    named = f"{env.namespace}:resting"
    assert edit("GET", f"/templates/{named}").body["kind"] == "Template"
    listed = edit("GET", f"/templates{where}").body["items"]
    assert [one["metadata"]["name"] for one in listed] == ["resting"]
    wrong = edit("POST", f"/templates/{named}/use", {"name": "rests"})
    assert "params.words" in wrong.body["detail"]
    use = {"name": "rests", "parameters": {"words": "at last"}}
    assert edit("POST", f"/templates/{named}/use", {**use, "dryRun": True}).status == 200
    made = edit("POST", f"/templates/{named}/use", use)
    assert (made.status, made.body["spec"]["nodes"][0]["fail"]) == (201, "at last")
    assert edit("POST", f"/templates/{named}/use", use).status == 409
    action = f"/actions/{env.namespace}:counting"
    assert edit("GET", action).body["spec"]["action"]["image"] == "busybox"
    assert edit("GET", f"/actions{where}").body["total"] >= 1
    assert edit("POST", f"{action}/test", {"with": {"count": 2}}).body["valid"]
    tried = edit("POST", f"{action}/test", {"with": {"count": 9}}).body
    assert tried["errors"][0]["path"] == "with.count"
    types = {one["type"]: one for one in edit("GET", f"/action-types{where}").body["items"]}
    assert types["local/counting"]["schema"]["properties"]["count"]["maximum"] == 3
    kinds = {one["type"] for one in edit("GET", "/node-types").body["items"]}
    assert {"action", "approval", "transform"} <= kinds
    assert "schedule" in {one["type"] for one in edit("GET", "/trigger-types").body["items"]}


@pytest.mark.routes("GET /metrics/dashboard", "GET /analytics/overview")
def test_figures_count_what_the_caller_may_list(env: ApiEnvironment) -> None:
    oncall, where = env["oncall"], f"?namespace={env.namespace}"
    listed = oncall("GET", f"/executions{where}&limit=500").body
    overview = oncall("GET", f"/analytics/overview{where}&period=1d").body
    assert overview["total"]["executions"] == listed["total"]
    assert sum(row["executions"] for row in overview["workflows"]) == listed["total"]
    dashboard = oncall("GET", f"/metrics/dashboard{where}").body
    assert dashboard["lastDay"]["executions"] == listed["total"]
    env.admin.apply(workflow("measured", nodes=[WAITS]))
    metrics = oncall("GET", f"/workflows/measured/metrics{where}").body
    assert metrics["total"] == 0
