"""Browsers log in with a real OpenID provider, and have the rights of their users in a real
cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import yaml

from dev.cluster.api import Cluster
from tests.api_process import ApiUser, token_of
from tests.cluster.login_environment import (
    FIRST,
    SECOND,
    LoginEnvironment,
    logged_in,
    login_environment,
    workflows,
)
from tests.kube import ROOT, Kubectl, eventually, workflow
from tests.oidc_provider import SECRET, Browser
from tests.planted import planted
from tests.service_accounts import LOGIN, NAMESPACE, login_account

SESSION = "itechsmart-session"


@pytest.fixture(scope="module")
def away(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginEnvironment]:
    """The provider has not been started."""
    folder = tmp_path_factory.mktemp("login")
    account = login_account(kubeconfig, folder)
    with login_environment(kubeconfig, account, folder) as env:
        yield env


@pytest.fixture(scope="module")
def env(away: LoginEnvironment) -> LoginEnvironment:
    """Ana's group may edit in the namespace, bob may read there; the provider runs."""
    refused = away.browser()("GET", "/login")
    assert refused.status_code == 503
    assert f"the provider {away.provider.issuer} does not answer" in refused.json()["detail"]
    token = token_of(away.admin, "program", "view")
    program = ApiUser(urlsplit(away.external).port or 0, token)
    listed = eventually(
        lambda: (answer := program("GET", workflows(away))).status == 200 and answer
    )
    assert listed.body["items"] == []
    away.provider.start()
    admin = away.admin
    admin("create", "rolebinding", "sre", "--clusterrole=edit", "--group=oidc:sre")
    admin("create", "rolebinding", "bob", "--clusterrole=view", "--user=oidc:bob@example.com")
    admin.apply(workflow("w", nodes=[{"name": "a", "delay": "1s"}]))
    return away


@pytest.mark.routes("GET /login", "GET /callback", "GET /me")
def test_a_user_has_their_own_name_groups_and_rights(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    me = ana("GET", f"/me?namespace={env.admin.namespace}").json()
    assert me["username"] == "oidc:ana@example.com"
    assert set(me["groups"]) == {"oidc:sre", "oidc:équipe", "system:authenticated"}
    assert "create" in me["rights"]["workflows"]
    assert me["session"]["endsAt"]
    made = {"metadata": {"name": "made"}, "spec": {"nodes": [{"name": "a", "delay": "1s"}]}}
    assert ana("POST", workflows(env), made).status_code == 201
    bob = logged_in(env, "bob")
    assert bob("GET", workflows(env, "/made")).json()["metadata"]["name"] == "made"
    refused = bob("PATCH", workflows(env, "/made"), {"spec": {"title": "x"}})
    assert refused.status_code == 403
    assert "oidc:bob@example.com may not update workflows" in refused.json()["detail"]
    everywhere = bob("GET", "/workflows")
    assert everywhere.status_code == 403
    assert "x-content-type-options" in everywhere.headers
    assert "frame-ancestors 'none'" in everywhere.headers["content-security-policy"]
    assert not [name for name in everywhere.headers if name.lower().startswith("access-control")]


def test_a_session_follows_an_execution_with_its_own_rights(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    where = f"?namespace={env.admin.namespace}"
    started = ana("POST", f"/workflows/w/execute{where}", {"name": "followed"})
    assert started.status_code == 201, started.text
    address = f"{env.external}/automation/executions/followed/events{where}"
    with ana.session.get(address, stream=True, timeout=120) as answer:
        lines = answer.iter_lines()
        assert b"event: execution" in lines
        ended = json.dumps({"status": {"phase": "Succeeded"}})
        merged = ("--subresource=status", "--type=merge", "-p", ended)
        eventually(lambda: env.admin("patch", "awfx", "followed", *merged))
        assert b"event: end" in lines  # seen by a watch
    stranger = env.browser()
    stranger.log_in("plain")
    for path in (f"/executions/followed{where}", f"/executions/followed/events{where}"):
        refused = stranger("GET", path)
        assert refused.status_code == 403
        assert "oidc:plain@example.com" in refused.json()["detail"]


def test_the_account_may_impersonate_and_nothing_else(env: LoginEnvironment) -> None:
    user = f"--as=system:serviceaccount:{NAMESPACE}:{LOGIN}"

    def verbs() -> dict[str, str]:
        listed = env.admin("auth", "can-i", "--list", user, "--no-headers")
        own = [line.split() for line in listed.splitlines() if "selfsubject" not in line]
        return {line[0]: line[-1] for line in own if line[0].isalpha()}

    found = eventually(verbs)
    assert found == {"users": "[impersonate]", "groups": "[impersonate]"}


def test_the_manifests_are_valid_and_mount_the_token_of_that_account(env: LoginEnvironment) -> None:
    kubectl = Kubectl(env.admin.kubeconfig, NAMESPACE)
    folder = str(ROOT / "manifests" / "api-oidc")
    kubectl("apply", "--dry-run=server", "--validate=strict", "-k", folder)
    objects = list(yaml.safe_load_all(kubectl("kustomize", folder)))
    [pod] = [one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment"]
    assert pod["serviceAccountName"] == LOGIN
    assert pod["automountServiceAccountToken"] is True
    mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert mounts == ["/etc/login"]
    accounts = [one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount"]
    assert LOGIN in accounts


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("system:admin", "system:"),
        ("root", "system:"),
        ("eve", "not verified"),
        ("many", "--oidc-groups-filter"),
    ],
)
def test_who_may_not_be_impersonated_has_no_session(
    env: LoginEnvironment, user: str, said: str
) -> None:
    browser = env.browser()
    refused = browser.log_in(user)
    assert refused.status_code == 403
    assert said in refused.json()["detail"]
    assert SESSION not in browser.session.cookies
    assert browser("GET", "/me").status_code == 401


def test_a_bearer_token_goes_before_the_session_and_nobody_else_is_impersonated(
    env: LoginEnvironment,
) -> None:
    ana = logged_in(env, "ana")
    token = token_of(env.admin, "other")
    me = ana("GET", "/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["username"].endswith(":other")
    assert ana("GET", "/me", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert ana("GET", "/me", headers={"Authorization": "Basic YTpi"}).status_code == 401
    for name in ("Impersonate-User", "Impersonate-Group", "impersonate-extra-x"):
        assert ana("GET", "/me", headers={name: "system:masters"}).status_code == 400


def test_a_forged_or_foreign_cookie_is_no_session(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    kept = ana.session.cookies[SESSION] or ""
    with env.replica("foreign", SECOND) as foreign:
        assert ana("GET", "/me", at=foreign).status_code == 401
    for cookie in ("", "x", kept[:-4] + "AAAA", kept[1:]):
        other = env.browser()
        other.session.cookies.set(SESSION, cookie)
        refused = other("GET", "/me")
        assert refused.status_code == 401, cookie
        assert "log in at /automation/login" in refused.json()["detail"]


def test_replicas_share_keys_and_replace_them(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    with env.replica("second", SECOND, FIRST) as second:
        assert ana("GET", "/me", at=second).status_code == 200
        bob = env.browser()
        back = bob.authenticate(
            "bob"
        )  # the login began at the first replica and ends at the second
        assert bob.visit(back.replace(env.external, second)).status_code == 303
        assert bob("GET", "/me", at=second).status_code == 200
        assert bob("GET", "/me").status_code == 401  # the first has only the old key


def test_a_running_replica_uses_keys_and_a_secret_that_were_replaced(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")

    def log_in(user: str, at: str) -> Browser:
        browser = env.browser()
        back = browser.authenticate(user)
        assert browser.visit(back.replace(env.external, at)).status_code == 303
        return browser

    with env.replica("running", FIRST) as at:
        assert ana("GET", "/me", at=at).status_code == 200
        env.write_keys("running", SECOND, FIRST)
        bob = log_in("bob", at)  # begun at the first replica, whose key is still accepted
        assert bob("GET", "/me", at=at).status_code == 200
        assert bob("GET", "/me").status_code == 401  # sealed with the new key
        env.write_keys("running", SECOND)
        assert ana("GET", "/me", at=at).status_code == 401
        assert bob("GET", "/me", at=at).status_code == 200
        env.write_keys("running", SECOND, FIRST)
        env.write_secret("running", planted("wrong-secret"))
        browser = env.browser()
        refused = browser.visit(browser.authenticate("ana").replace(env.external, at))
        assert refused.status_code == 401
        assert "invalid_client" in refused.json()["detail"]
        env.write_secret("running", SECRET)
        log_in("ana", at)


def test_a_code_is_used_once_and_by_the_browser_that_asked_for_it(env: LoginEnvironment) -> None:
    ana = env.browser()
    back = ana.authenticate("ana")
    thief = env.browser()
    assert thief.visit(back).status_code == 400
    thief("GET", "/login")
    assert thief.visit(back).status_code == 400
    kept = ana.session.cookies["itechsmart-login"]
    assert ana.visit(back).status_code == 303
    assert "itechsmart-login" not in ana.session.cookies
    ana.session.cookies.set("itechsmart-login", kept)
    replayed = ana.visit(back)
    assert replayed.status_code == 401
    assert "invalid_grant" in replayed.json()["detail"]


def test_an_answer_of_another_issuer_or_with_another_state_is_refused(
    env: LoginEnvironment,
) -> None:
    for name, status in (("iss", 401), ("state", 400)):
        browser = env.browser()
        back = urlsplit(browser.authenticate("ana"))
        query = {each: values[0] for each, values in parse_qs(back.query).items()}
        changed = back._replace(query=urlencode({**query, name: "https://other.example"}))
        assert browser.visit(changed.geturl()).status_code == status


def test_a_user_whom_the_provider_refuses_reads_why(env: LoginEnvironment) -> None:
    refused = env.browser().log_in("nobody")
    assert refused.status_code == 401
    assert "access_denied" in refused.json()["detail"]


def test_another_site_changes_nothing(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    body = {"spec": {"title": "of another site"}}
    path = workflows(env, "/w")
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    ):
        refused = ana("PATCH", path, body, headers)
        assert refused.status_code == 403
        assert env.external in refused.json()["detail"]
        assert ana("POST", "/logout", headers=headers).status_code == 403
    bare = ana.session.patch(f"{env.external}/automation{path}", json=body, timeout=60)
    assert bare.status_code == 403
    assert "needs the header Origin" in bare.json()["detail"]
    assert "title" not in ana("GET", path).json()["spec"]
    assert ana("PATCH", path, {"spec": {"title": "Own"}}).status_code == 200


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example"]
)
def test_a_login_leads_to_no_other_site(env: LoginEnvironment, path: str) -> None:
    refused = env.browser()("GET", f"/login?return={path}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "query.return"


@pytest.mark.routes("POST /logout")
def test_a_logout_ends_the_session_here_and_at_the_provider(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    left = ana("POST", "/logout")
    assert left.status_code == 303
    assert left.headers["Location"].startswith(f"{env.provider.issuer}/session/end?")
    assert ana.visit(left.headers["Location"]).status_code == 200
    assert ana("GET", "/me").status_code == 401


def test_who_is_logged_in_stays_so_while_the_provider_is_away(env: LoginEnvironment) -> None:
    ana = logged_in(env, "ana")
    env.provider.stop()
    try:
        assert ana("GET", "/me").status_code == 200
        left = ana("POST", "/logout")
        assert (left.status_code, SESSION in ana.session.cookies) == (303, False)
    finally:
        env.provider.start()
    logged_in(env, "ana")


def test_each_request_of_the_account_impersonates_a_user_of_the_provider(
    env: LoginEnvironment, api_cluster: Cluster
) -> None:
    logged_in(env, "ana")
    account = f"system:serviceaccount:{NAMESPACE}:{LOGIN}"

    def users() -> set[str]:
        lines = api_cluster.audit_log.read_text().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if account in line and line.endswith("\n")]
        return {
            event.get("impersonatedUser", {}).get("username", "nobody")
            for event in events
            if event["user"].get("username") == account
        }

    found = eventually(users)  # the log is written behind the requests
    assert all(name.startswith("oidc:") for name in found), found
