"""Every route of the API by users of four roles, in their own namespace and in another.

The routes are those of the application. `NEEDS` says which role each needs; where the rights do not
suffice, the answer is 403 and shows nothing of what is there.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.proof.route_rights import RIGHTS
from orchestrator.api.application import create_application
from tests.api_process import ApiUser
from tests.cluster.api_environment import ApiEnvironment, api_environment
from tests.cluster.enumeration import leaking_requests
from tests.cluster.exact_rights import USER, create_objects, execution_for, users_with
from tests.history_database import HistoryDatabase
from tests.kube import Kubectl, eventually, execution, manifest, workflow
from tests.postgresql import PostgresqlServer

SECRET = "classified"
"""A word in each object, which no answer without rights may have."""
ROLES = ("none", "view", "edit", "admin")
ANY = {"If-Match": "*"}
HOLD = {"name": "hold", "title": SECRET, "wait": {"signal": "go"}}
SPARE = {"name": "spare", "delay": "1s"}
OPEN, KNOWN, VIEW, EDIT, PEOPLE = "open", "known", "view", "edit", "people"
"""Who may call a route: anyone, any user of the cluster, these roles; PEOPLE takes verbs that not
even edit has."""
NEEDS = {
    "GET /health": OPEN,
    "GET /readiness": OPEN,
    "GET /me": KNOWN,
    "GET /node-types": KNOWN,
    "GET /trigger-types": KNOWN,
    "POST /workflows/validate": KNOWN,
    "GET /templates": KNOWN,  # every user may list ClusterTemplates
    "GET /actions": KNOWN,
    "GET /action-types": KNOWN,
    "POST /workflows/{id}/validate": VIEW,
    "POST /triggers/{id}/test": VIEW,
    "POST /actions/{id}/test": VIEW,
    "POST /executions/{id}/signal": PEOPLE,
    "POST /executions/{id}/decide": PEOPLE,
}
"""Of the others, reading needs view and the rest needs edit."""


@dataclass(frozen=True)
class Sample:
    """A request that succeeds where the rights suffice."""

    query: str = ""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def named(name: str, kind: str = "w") -> dict[str, Any]:
    specs = {"w": {"nodes": [HOLD]}, "t": {"workflow": "w", "manual": {}}}
    return {"metadata": {"name": name}, "spec": specs[kind]}


def samples(role: str) -> dict[str, Sample]:
    """The requests that need more than a path."""
    node = {"name": f"n{role}", "delay": "1s"}
    return {
        "POST /workflows": Sample(body=named(f"made-{role}")),
        "PUT /workflows/{id}": Sample(body=named("w") | {"spec": SPEC}, headers=ANY),
        "PATCH /workflows/{id}": Sample(body={"spec": {"title": SECRET}}),
        "DELETE /workflows/{id}": Sample(headers=ANY),
        "POST /workflows/{id}/duplicate": Sample(body={"name": f"copy-{role}"}),
        "POST /workflows/validate": Sample(body=named("new")),
        "POST /workflows/{id}/execute": Sample(body={"name": f"run-{role}"}),
        "POST /workflows/import": Sample(body=imported(f"in-{role}")),
        "POST /workflows/{id}/nodes": Sample(body=node),
        "PUT /workflows/{id}/nodes/{node}": Sample(body=HOLD),
        "PATCH /workflows/{id}/nodes/{node}": Sample(body={"title": f"{SECRET} {role}"}),
        "POST /workflows/{id}/edges": Sample(
            body={"from": "hold", "to": "spare", "outcome": "Always"}
        ),
        "DELETE /workflows/{id}/edges": Sample("&from=hold&to=spare&outcome=Succeeded"),
        "PUT /workflows/{id}/layout": Sample(body={"layout": {"hold": [1, len(role)]}}),
        "POST /executions/{id}/rerun": Sample(body={"from": ["hold"], "name": f"again-{role}"}),
        "POST /executions/{id}/signal": Sample(body={"name": "go"}),
        "POST /executions/{id}/decide": Sample(body={"decision": "Approve"}),
        "POST /triggers": Sample(body=named(f"made-{role}", "t")),
        "POST /workflows/{id}/triggers": Sample(body=named(f"of-{role}", "t")),
        "PUT /triggers/{id}": Sample(body=named("t", "t"), headers=ANY),
        "PATCH /triggers/{id}": Sample(body={"metadata": {"labels": {"by": role}}}),
        "DELETE /triggers/{id}": Sample(headers=ANY),
        "POST /templates/{id}/use": Sample(body={"name": f"used-{role}"}),
    }


SPEC = {"title": SECRET, "nodes": [HOLD, SPARE], "edges": [{"from": "hold", "to": "spare"}]}


def imported(name: str) -> dict[str, Any]:
    return manifest("Workflow", name, {"nodes": [HOLD]})


def routes() -> list[str]:
    """Every route of the application, without its prefix; not those that only browsers use."""
    paths = create_application(None).openapi()["paths"]
    return [
        f"{method.upper()} {path.removeprefix('/automation')}"
        for path, methods in paths.items()
        for method, route in methods.items()
        if "login" not in route["tags"]
    ]


def needs(route: str) -> str:
    return NEEDS.get(route) or (VIEW if route.startswith("GET ") else EDIT)


def may(role: str, route: str, *, own: bool) -> bool:
    """Whether a role suffices for a route in its own namespace or in the other."""
    need = needs(route)
    if need in (OPEN, KNOWN) or role == "admin":
        return True
    if not own or role == "none" or need == PEOPLE:
        return False
    return need == VIEW or role == "edit"


def called(
    route: str, role: str, namespace: str, execution: str = "e", trigger: str = "t"
) -> tuple[str, str, Sample]:
    """Method, path and the rest of the request for a route."""
    method, _, path = route.partition(" ")
    sample = samples(role).get(route, Sample())
    objects = {"workflows": "w", "executions": execution, "triggers": trigger,
               "templates": "whole", "actions": "part"}  # fmt: skip
    kind = path.split("/")[1]
    name = objects.get(kind, "")
    if method == "DELETE" and path.endswith("/{id}"):
        name = f"gone-{role}"
    node = "spare" if method == "DELETE" else "hold"
    path = path.replace("{id}", f"{namespace}:{name}").replace("{node}", node)
    path = path.replace("{revision}", "frozen")
    query = "" if "/health" in path or "/readiness" in path else f"?namespace={namespace}"
    if path in ("/node-types", "/trigger-types"):
        query = ""
    if query and ("{id}" in route or kind in ("me",)):
        query = f"?namespace={namespace}"
    return method, path + query + (sample.query or ""), sample


def filled(kubectl: Kubectl, history: HistoryDatabase) -> None:
    """What the routes need, in a namespace; the execution `past` is only in the history."""
    kubectl.apply(workflow("w", **SPEC), *[workflow(f"gone-{role}", **SPEC) for role in ROLES])
    by_hand = {"workflow": "w", "manual": {}}
    every = ["t", *(f"gone-{role}" for role in ROLES)]
    kubectl.apply(*[manifest("Trigger", name, by_hand) for name in every])
    whole = {"title": SECRET, "workflow": {"nodes": [HOLD]}}
    part = {"title": SECRET, "action": {"image": "busybox", "command": ["true"]}}
    kubectl.apply(manifest("Template", "whole", whole), manifest("Template", "part", part))
    kubectl.create(execution("w", "e", variables={}))
    at = "2026-11-30T08:00:00Z"
    record = {"phase": "Failed", "reason": "Failed", "message": SECRET, "startedAt": at,
              "finishedAt": at, "attempts": 1}  # fmt: skip
    status = {"phase": "Failed", "reason": "NodeFailed", "message": SECRET, "startedAt": at,
              "finishedAt": at, "revision": "frozen", "nodes": {"hold": record}}  # fmt: skip
    patch = json.dumps({"status": status})
    kubectl("patch", "awfx", "e", "--subresource=status", "--type=merge", "-p", patch)
    past = kubectl.get("awfx", "e")
    past["metadata"] |= {"name": "past", "uid": str(uuid.uuid4())}
    history.record(past)


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path,
    account: Path,  # with it come the roles
    postgresql: PostgresqlServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ApiEnvironment]:
    assert account.exists()
    folder = tmp_path_factory.mktemp("api")
    history = HistoryDatabase(postgresql, folder)
    with api_environment(kubeconfig, folder, f"--database-file={history.file}") as env:
        filled(env.admin, history)
        filled(env.other, history)
        view = env["view"]  # until the API server knows the roles
        eventually(lambda: view("GET", f"/workflows?namespace={env.namespace}").status == 200)
        yield env


@pytest.mark.parametrize("role", ROLES)
def test_each_route_obeys_the_rights_of_the_caller(env: ApiEnvironment, role: str) -> None:
    assert forbidden(env, role, routes(), "e") == []


@pytest.mark.parametrize("role", ROLES)
def test_routes_obey_the_rights_of_the_caller_in_the_history(
    env: ApiEnvironment, role: str
) -> None:
    of_executions = [route for route in routes() if "/executions/{id}" in route]
    assert len(of_executions) >= 13
    assert forbidden(env, role, of_executions, "past") == []
    for own in (True, False):
        namespace = env.namespace if own else env.other.namespace
        listed = env[role]("GET", f"/executions?namespace={namespace}&sort=name")
        sees = role == "admin" or (own and role != "none")
        names = [one["metadata"]["name"] for one in listed.body["items"]] if sees else []
        assert (listed.status, "past" in names) == (200 if sees else 403, sees)


def forbidden(env: ApiEnvironment, role: str, asked: list[str], name: str) -> list[str]:
    """What is wrong with the answers to a user of a role, about executions of this name."""
    wrong = []
    for own in (True, False):
        namespace = env.namespace if own else env.other.namespace
        for route in asked:
            method, path, sample = called(route, role, namespace, name)
            answer = env[role](method, path, sample.body, sample.headers)
            allowed, where = may(role, route, own=own), "its own" if own else "another"
            if allowed == (answer.status in (401, 403)) or answer.status >= 500:
                wrong.append(f"{role} in {where}: {route}: {answer.status} {answer.text[:200]}")
            sees = role == "admin" or (own and role != "none")
            if not sees and (SECRET in answer.text or "did you mean" in answer.text):
                wrong.append(f"{role} in {where}: {route} shows {answer.text[:200]}")
    return wrong


def test_each_route_but_probes_needs_a_token(env: ApiEnvironment) -> None:
    for route in routes():
        method, path, sample = called(route, "none", env.namespace)
        answer = env["anyone"](method, path, sample.body, sample.headers)
        assert answer.status == (200 if needs(route) == OPEN else 401), route


def test_a_route_takes_the_rights_of_the_reference_and_no_others(env: ApiEnvironment) -> None:
    create_objects(env.admin, SPEC)
    sets = [frozenset(rights) for rights in RIGHTS.values()]
    fewer = [rights - {right} for rights in sets for right in rights]
    users = users_with(env, [*sets, *fewer])
    wrong = []
    for route, rights in RIGHTS.items():
        if "/workflows/{id}" in route:  # as it was before the last route
            env["admin"]("PUT", f"/workflows/{env.namespace}:w", named("w") | {"spec": SPEC}, ANY)
        for missing in (*rights, ""):
            user = users[frozenset(rights) - {missing}]
            if answered := exactly(env, user, route, missing):
                wrong.append(f"{route} without {missing!r}: {answered}")
    assert not wrong, "\n".join(wrong)


def exactly(env: ApiEnvironment, user: ApiUser, route: str, missing: str) -> str:
    """The answer to a route, if it is no success with all rights, or no refusal without one."""
    execution = execution_for(route, allowed=not missing)
    trigger = "timed" if route.endswith("/next") else "t"
    method, path, sample = called(route, USER, env.namespace, execution, trigger)
    answer = user(method, path, sample.body, sample.headers)
    forbidden = answer.status == 403 or 'event: error\ndata: {"status":403' in answer.text
    right = forbidden if missing else answer.status < 300
    return "" if right else f"{answer.status} {answer.text[:200]}"


def test_answers_about_another_namespace_do_not_depend_on_what_is_there(
    env: ApiEnvironment,
) -> None:
    """By a name, by a uid, by the key of a request or past the routes: whoever has no rights cannot
    tell what exists from what does not, on the cluster and in the history."""
    edit, there = env["edit"], env.other.namespace
    live = env.other.get("awfx", "e")["metadata"]["uid"]
    listed = env["admin"]("GET", f"/executions?namespace={there}")
    past = next(one for one in listed.body["items"] if one["metadata"]["name"] == "past")
    assert leaking_requests(edit, there, (live, past["metadata"]["uid"])) == []
    mixed = edit("GET", f"/executions?namespace={env.namespace}&namespace={there}&limit=500")
    assert {one["metadata"]["namespace"] for one in mixed.body["items"]} == {env.namespace}
    assert mixed.body["total"] == len(mixed.body["items"])
    for figures in ("/analytics/overview?period=9d&namespace=", "/metrics/dashboard?namespace="):
        assert edit("GET", f"{figures}{there}").status == 403


def test_there_are_at_least_sixty_routes_and_each_has_words() -> None:
    assert len(routes()) >= 60
    assert set(NEEDS) <= set(routes())
    assert set(samples("edit")) <= set(routes())
    reference = Path("docs/reference/api.md").read_text()
    for route in routes():
        line = re.escape(route.replace(" ", " /automation"))
        assert re.search(rf"`{line}` \| \S", reference), route
