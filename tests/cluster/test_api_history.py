"""The REST API answers from the cluster and from the history as one, on a real API server and a
real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.lifecycle.revision import Revision
from tests.api_process import ApiUser, streaming
from tests.cluster.history_environment import NOW, SPEC, HistoryEnvironment, at, history_environment
from tests.history_database import delete, revision_of
from tests.kube import eventually, workflow
from tests.postgresql import PostgresqlServer


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path,
    account: Path,
    postgresql: PostgresqlServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[HistoryEnvironment]:
    folder = tmp_path_factory.mktemp("api")
    with history_environment(kubeconfig, account, postgresql, folder) as env:
        yield env


def names(answer: Any) -> list[str]:
    return [one["metadata"]["name"] for one in answer.body["items"]]


@pytest.mark.routes("GET /executions/{id}", "GET /executions/{id}/explain")
def test_an_execution_whose_object_is_gone_is_read_by_name_and_by_uid(
    env: HistoryEnvironment,
) -> None:
    oncall, where = env["oncall"], env.where
    gone = env.removed("gone")
    uid = gone["metadata"]["uid"]
    for identifier in (f"gone{where}", f"{env.api.namespace}:gone", f"{uid}{where}", uid):
        read = oncall("GET", f"/executions/{identifier}")
        assert read.status == 200, read.text
        assert (read.body["metadata"]["uid"], read.body["fromHistory"]) == (uid, True)
    tag = {"If-None-Match": read.headers["etag"]}
    assert oncall("GET", f"/executions/{uid}", headers=tag).status == 304
    assert oncall("GET", f"/executions/gone/nodes{where}").body["items"].keys() == {"hold"}
    assert oncall("GET", f"/executions/gone/nodes/hold{where}").body["phase"] == "Succeeded"
    assert oncall("GET", f"/executions/gone/nodes/spar{where}").status == 404
    explained = oncall("GET", f"/executions/gone/explain{where}").body
    assert "gone ended Succeeded after 2m0s" in explained["execution"]
    assert explained["nodes"].keys() == {"hold", "spare"}  # from the recorded revision
    assert "spare" in oncall("GET", f"/executions/gone/graph{where}&format=dot").text
    bare = env.with_rights("bare", "workflowexecutions")
    assert bare("GET", f"/executions/gone{where}").status == 200
    unread = bare("GET", f"/executions/gone/explain{where}").body
    assert unread["nodes"].keys() == {"hold"}  # the revision takes a right of its own
    assert "controllerrevisions" in unread["unread"]
    assert oncall("GET", f"/executions/gon{where}").status == 404


def test_the_newest_of_a_name_is_meant_and_a_uid_is_exact(env: HistoryEnvironment) -> None:
    oncall, where = env["oncall"], env.where
    first = env.removed("again", finishedAt=at(6))
    second = env.removed("again", finishedAt=at(5))
    uids = [one["metadata"]["uid"] for one in (first, second)]
    assert oncall("GET", f"/executions/again{where}").body["metadata"]["uid"] == uids[1]
    third = env.ended("again")
    live = oncall("GET", f"/executions/again{where}").body
    assert (live["metadata"]["uid"], "fromHistory" in live) == (third["metadata"]["uid"], False)
    for uid in uids:
        assert oncall("GET", f"/executions/{uid}").body["metadata"]["uid"] == uid
    env.history.record(third)
    by_uid = oncall("GET", f"/executions/{third['metadata']['uid']}")
    assert "fromHistory" not in by_uid.body  # without the right to list in `default`, too


def test_what_has_been_removed_cannot_be_changed(env: HistoryEnvironment) -> None:
    oncall, view, where = env["oncall"], env["view"], env.where
    env.removed("fixed")
    bodies: dict[str, Any] = dict.fromkeys(("pause", "resume", "cancel"))
    bodies |= {"signal": {"name": "go"}, "decide": {"decision": "Approve"}}
    for action, body in bodies.items():
        refused = oncall("POST", f"/executions/fixed/{action}{where}", body)
        assert refused.status == 409, refused.text
        assert "its object has been removed" in refused.body["detail"]
        assert view("POST", f"/executions/fixed/{action}{where}", body).status == 403
    refused = oncall("POST", f"/executions/fixed/rerun{where}", {"from": ["hold"]})
    assert refused.status == 409
    assert "with other variables, the whole Workflow runs again" in refused.body["detail"]
    edit, body = env["edit"], {"variables": {"service": "orders"}, "name": "fixed-again"}
    env.api.admin.apply(workflow("w", **SPEC, variables=[{"name": "service", "type": "string"}]))
    made = edit("POST", f"/executions/fixed/rerun{where}", body)
    assert (made.status, made.body["spec"]["variables"]) == (201, {"service": "orders"}), made.text


def test_a_stream_of_what_has_been_removed_ends_at_once(env: HistoryEnvironment) -> None:
    oncall = env["oncall"]
    env.removed("silent")
    path = f"/executions/{env.api.namespace}:silent/events"
    with streaming(oncall, path) as events:
        state, last = list(events)
    assert (state.kind, state.data["phase"]) == ("execution", "Succeeded")
    assert state.data["nodes"].keys() == {"hold"}
    assert (last.kind, last.data) == ("end", {"phase": "Succeeded"})
    assert oncall("GET", path, headers={"Last-Event-ID": last.id}).status == 204


@pytest.mark.routes("GET /executions")
def test_a_list_has_each_execution_once(env: HistoryEnvironment) -> None:
    view, where = env["view"], env.where
    only = f"{where}&label=list%3Dboth"
    env.removed("list-a", label="both", phase="Failed")
    env.history.record(env.ended("list-b", label="both"))
    env.ended("list-c", label="both")
    env.removed("list-d", label="both")
    env.started("list-e", label="both")
    for sort in ("name", "-name", "created", "-created", "finished", "-started", "phase"):
        whole = view("GET", f"/executions{only}&sort={sort}")
        assert whole.body["total"] == 5
        assert sorted(names(whole)) == [f"list-{letter}" for letter in "abcde"]
        found: list[str] = []
        page = ""
        while True:
            part = view("GET", f"/executions{only}&sort={sort}&limit=2{page}")
            found += names(part)
            assert part.body["total"] == 5
            if "next" not in part.body:
                break
            page = f"&page={part.body['next']}"
        assert found == names(whole), sort
    assert names(view("GET", f"/executions{only}&sort=-name"))[0] == "list-e"
    assert names(view("GET", f"/executions{only}&phase=Failed")) == ["list-a"]
    several = view("GET", f"/executions{only}&phase=Failed&phase=Succeeded&sort=name")
    assert names(several) == [f"list-{letter}" for letter in "abcd"]
    assert [one.get("fromHistory", False) for one in several.body["items"]] == [
        True, False, False, True,
    ]  # fmt: skip
    assert all("nodes" not in one["status"] for one in several.body["items"])
    assert names(view("GET", f"/executions{only}&since=1s&workflow=other")) == []
    of_workflow = view("GET", f"/workflows/w/executions{where}&limit=500")
    assert {f"list-{letter}" for letter in "abcde"} <= set(names(of_workflow))
    env.api.admin("label", "awfx", "list-b", "list=other", "--overwrite")
    left = view("GET", f"/executions{only}&sort=name")
    assert "list-b" not in names(left)  # as recorded, it had the label
    other = view("GET", f"/executions{only}&sort=name&limit=1").body["next"]
    assert view("GET", f"/executions{only}&sort=created&limit=1&page={other}").status == 422


def test_callers_see_the_history_of_namespaces_that_they_may_read(env: HistoryEnvironment) -> None:
    mine = env.removed("secretly")
    hidden = env.removed("hidden", env.api.other)
    uid, namespace = hidden["metadata"]["uid"], env.api.other.namespace
    view, none, admin = env["view"], env["none"], env["admin"]
    for path in (f"{namespace}:hidden", f"hidden?namespace={namespace}"):
        assert view("GET", f"/executions/{path}").status == 403
    assert view("GET", f"/executions/{uid}{env.where}").status == 404
    assert none("GET", f"/executions/{mine['metadata']['uid']}").status == 403
    assert none("GET", f"/executions/secretly{env.where}").status == 403
    some = view("GET", f"/executions{env.where}&namespace={namespace}&limit=500")
    assert "secretly" in names(some)
    assert "hidden" not in names(some)
    assert some.body["notListed"] == [namespace]
    assert view("GET", "/executions").status == 403
    assert {"secretly", "hidden"} <= set(names(admin("GET", "/executions?limit=500")))
    assert admin("GET", f"/executions/{uid}").body["metadata"]["name"] == "hidden"


def test_the_latest_execution_may_be_in_the_history(env: HistoryEnvironment) -> None:
    admin, where = env["admin"], f"?namespace={env.api.other.namespace}"
    newest = env.removed("newest", env.api.other)
    found = admin("GET", f"/executions/@latest{where}").body
    assert found["metadata"]["uid"] == newest["metadata"]["uid"]


def test_revisions_of_a_workflow_that_is_there_or_was_deleted(env: HistoryEnvironment) -> None:
    oncall, view, where = env["oncall"], env["view"], env.where
    old, new = (
        revision_of("versioned", SPEC),
        revision_of("versioned", {**SPEC, "title": "Another"}),
    )
    own = {"workflow": "versioned"}
    env.api.admin.apply(workflow("versioned", **SPEC))
    first = env.removed("rev-a", own=own, ran=old)
    second = env.removed("rev-b", own=own, ran=new)
    third = env.ended("rev-c", own=own, ran=new)
    env.history.record(third, revision=new)

    def created(*raws: dict[str, Any]) -> list[str]:
        return sorted(raw["metadata"]["creationTimestamp"] for raw in raws)

    def items(user: ApiUser) -> dict[str, Any]:
        answer = user("GET", f"/workflows/versioned/revisions{where}")
        assert answer.status == 200, answer.text
        assert "historyUnavailable" not in answer.body
        return {one["name"]: one for one in answer.body["items"]}

    def use(revision: Revision, *raws: dict[str, Any], **more: bool) -> dict[str, Any]:
        times = created(*raws)
        uses = {"firstUsed": times[0], "lastUsed": times[-1], "executions": len(raws)}
        return {"name": revision.name, **uses, **more}

    expected = {
        old.name: use(old, first, fromHistory=True),
        new.name: use(new, second, third),
    }
    assert items(oncall) == expected
    read = oncall("GET", f"/workflows/versioned/revisions/{old.name}{where}")
    assert (read.status, read.body["data"], read.body["fromHistory"]) == (200, old.data, True)
    assert read.body["created"] == expected[old.name]["firstUsed"]
    env.api.admin("delete", "awf", "versioned")
    assert items(view) == expected
    delete(env.api.admin, "rev-c")
    gone = {**expected, new.name: use(new, second, third, fromHistory=True)}
    assert items(oncall) == gone
    named = f"/workflows/{env.api.namespace}:versioned/revisions/{new.name}"
    assert oncall("GET", named).body["data"] == new.data
    _revisions_are_for_those_who_may_read_them(env, old.name)


def _revisions_are_for_those_who_may_read_them(env: HistoryEnvironment, name: str) -> None:
    path, where = f"/workflows/versioned/revisions/{name}{env.where}", env.where
    lists, oncall = "/workflows/versioned/revisions", env["oncall"]
    some = env.with_rights("some", "workflows", "workflowexecutions", verbs="get,list")
    assert some("GET", f"{lists}{where}").status == 200
    refused = some("GET", path)
    assert (refused.status, "controllerrevisions" in refused.text) == (403, True)
    for user in (env["none"], env.with_rights("flows", "workflows")):
        assert user("GET", f"{lists}{where}").status == 403
        assert user("GET", path).status == 403
    assert oncall("GET", f"/workflows/never/revisions{where}").status == 404
    assert oncall("GET", f"/workflows/never/revisions/{name}{where}").status == 404
    assert oncall("GET", f"/workflows/w/revisions/{name}{where}").status == 404


@pytest.mark.routes(
    "GET /workflows/{id}/metrics",
    "GET /metrics/dashboard",
    "GET /analytics/overview",
)
def test_figures_count_each_execution_once(env: HistoryEnvironment) -> None:
    oncall, where = env["oncall"], env.where
    env.api.admin.apply(workflow("counted", **SPEC))
    own = {"workflow": "counted"}
    env.removed("count-a", own=own, finishedAt=at(19), startedAt=at(20))
    env.history.record(env.ended("count-b", own=own, finishedAt=at(18), startedAt=at(20)))
    env.ended("count-c", own=own, phase="Failed", finishedAt=at(16), startedAt=at(20))
    env.started("count-d", own=own)
    overview = oncall("GET", f"/analytics/overview{where}&workflow=counted").body
    total = overview["total"]
    assert total["byPhase"] == {"Failed": 1, "Pending": 1, "Succeeded": 2}
    assert (total["executions"], total["runningNow"]) == (4, 1)
    assert total["durationSeconds"] == {"count": 3, "average": 140.0, "p50": 120.0, "p95": 240.0}
    (row,) = overview["workflows"]
    assert (row["workflow"], row["executions"]) == ("counted", 4)
    (node,) = overview["slowestNodes"]
    assert (node["node"], node["count"], node["average"]) == ("hold", 3, 60.0)
    failed = oncall("GET", f"/analytics/overview{where}&workflow=counted&phase=Failed").body
    assert failed["total"]["byPhase"] == {"Failed": 1}
    period = f"{int((datetime.now(UTC) - NOW).total_seconds()) + 17 * 60}s"
    brief = oncall("GET", f"/analytics/overview{where}&workflow=counted&period={period}").body
    assert brief["total"]["byPhase"] == {"Failed": 1, "Pending": 1}
    metrics = oncall("GET", f"/workflows/counted/metrics{where}").body
    assert (metrics["total"], metrics["executions"]) == (3, {"Failed": 1, "Succeeded": 2})
    assert metrics["recent"] == [60.0, 120.0, 240.0]
    assert metrics["lastExecution"]["name"] == "count-c"
    listed = oncall("GET", f"/executions{where}&limit=500").body
    dashboard = oncall("GET", f"/metrics/dashboard{where}").body
    assert dashboard["lastDay"]["executions"] == listed["total"]
    everywhere = env["admin"]("GET", "/metrics/dashboard").body
    assert everywhere["lastDay"]["executions"] > listed["total"]


@pytest.mark.routes("GET /readiness")
def test_live_work_goes_on_without_the_database(env: HistoryEnvironment) -> None:
    oncall, anyone, where = env["oncall"], env["anyone"], env.where
    env.removed("lost")
    env.started("there")

    def reason() -> str:
        answer = oncall("GET", f"/executions{where}&limit=500")
        assert answer.status == 200
        return str(answer.body.get("historyUnavailable", ""))

    assert reason() == ""
    env.server.halt()
    try:
        assert reason() == "the database does not answer"
        assert "there" in names(oncall("GET", f"/executions{where}&limit=500"))
        for path in ("metrics/dashboard", "analytics/overview", "workflows/w/metrics"):
            answer = oncall("GET", f"/{path}{where}")
            assert (answer.status, answer.body["historyUnavailable"]) == (200, reason())
        ready = anyone("GET", "/readiness")
        assert (ready.status, ready.body["history"]) == (200, reason())
        assert oncall("GET", f"/executions/there{where}").status == 200
        assert oncall("GET", f"/executions/there/explain{where}").status == 200
        unknown = oncall("GET", f"/executions/lost{where}")
        assert (unknown.status, unknown.headers["retry-after"]) == (503, "5")
        assert "the history may have it" in unknown.body["detail"]
        assert env["none"]("GET", f"/executions/lost{where}").status == 403
        revisions = oncall("GET", f"/workflows/w/revisions{where}")
        assert (revisions.status, revisions.body["historyUnavailable"]) == (200, reason())
        for path in ("workflows/deleted/revisions", "workflows/w/revisions/w-1"):
            assert oncall("GET", f"/{path}{where}").status == 503
        made = oncall("POST", f"/workflows/w/execute{where}", {"name": "meanwhile"})
        assert made.status == 201, made.text
    finally:
        env.server.resume()
    eventually(lambda: reason() == "")
    assert oncall("GET", f"/executions/lost{where}").body["fromHistory"]
    assert anyone("GET", "/readiness").body == {"status": "ok"}
