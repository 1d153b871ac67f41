"""What the values of the login of browsers do, with Helm 3 and 4."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.charts.copying import CHART
from orchestrator.cli.main import load
from tests.charts.options import OIDC, POSTGRESQL, SHARED, SQLITE
from tests.charts.rendering import (
    NAME,
    Object,
    Release,
    arguments,
    by_key,
    containers,
    of_kind,
    pod_of,
)

LOGIN = f"{NAME}-api-login"
NEEDED: dict[str, Any] = {
    "issuer": "https://login.example.com",
    "clientId": "workflow",
    "externalUrl": "https://automation.example.com",
    "secretName": "login",
}
GROUPS = {**NEEDED, "groupsClaim": "groups"}
ANYONE = [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}]


def rendered(release: Release, oidc: dict[str, Any], **values: Any) -> list[Object]:
    """The objects of a release with these values of the login."""
    api = {"enabled": True, "oidc": oidc, **values.pop("api", {})}
    return release.objects({**SHARED, "api": api, **values})


def rules(objects: list[Object]) -> list[Object]:
    """Those of the role that impersonates."""
    found: list[Object] = by_key(objects)["ClusterRole", "", LOGIN]["rules"]
    return found


def test_every_option_of_the_login_has_a_value_and_every_argument_is_an_option(
    release: Release,
) -> None:
    options = {name for one in load("api").params for name in one.opts}
    given = [argument.partition("=")[0] for argument in arguments(rendered(release, OIDC), "api")]
    assert set(given[1:]) <= options
    prefixes = ("--oidc-", "--session-", "--external-")
    assert {name for name in options if name.startswith(prefixes)} <= set(given)


def test_the_files_of_the_options_are_those_of_the_secrets(release: Release) -> None:
    objects = rendered(release, OIDC)
    found = dict(argument.partition("=")[::2] for argument in arguments(objects, "api")[1:])
    assert found["--session-key-file"] == "/etc/login/keys"
    assert found["--oidc-client-secret-file"] == "/etc/login/secret"
    assert found["--oidc-ca-file"] == "/etc/login-ca/ca.crt"
    assert found["--oidc-scopes"] == "openid,groups"
    mounts = containers(objects, "api")["api"]["volumeMounts"]
    assert mounts == [
        {"name": "login", "mountPath": "/etc/login", "readOnly": True},
        {"name": "login-ca", "mountPath": "/etc/login-ca", "readOnly": True},
    ]
    volumes = {one["name"]: one["secret"] for one in pod_of(objects, "api")["spec"]["volumes"]}
    assert volumes["login"] == {"secretName": "login"}
    assert volumes["login-ca"]["secretName"] == "provider-ca"


def test_a_public_client_has_no_secret(release: Release) -> None:
    found = arguments(rendered(release, {**NEEDED, "clientSecretKey": ""}), "api")
    assert not [argument for argument in found if "client-secret" in argument]


@pytest.mark.parametrize("namespaces", [[], ["shop"]], ids=["cluster", "namespaces"])
def test_only_with_a_login_does_the_api_have_a_token_and_the_one_right(
    release: Release, namespaces: list[str]
) -> None:
    """Users and groups are in no namespace, and so is the right to impersonate them."""
    objects = rendered(release, GROUPS, namespaces=namespaces, history=POSTGRESQL)
    pod = pod_of(objects, "api")["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == (LOGIN, True)
    account = {"kind": "ServiceAccount", "name": LOGIN, "namespace": NAME}
    bound = [
        raw["roleRef"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for raw in of_kind(objects, kind)
        if account in raw["subjects"]
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": LOGIN}
    assert bound == [role]
    assert rules(objects) == ANYONE
    without = by_key(rendered(release, {}, namespaces=namespaces, history=POSTGRESQL))
    assert not [at for at in without if at[2] == LOGIN]
    assert ("ServiceAccount", NAME, f"{NAME}-api") in without


def test_whom_it_may_impersonate_can_be_listed(release: Release) -> None:
    names = {"users": ["oidc:bob"], "groups": ["oidc:sre", "oidc:payments"]}
    rule = {"apiGroups": [""], "verbs": ["impersonate"]}
    users = {**rule, "resources": ["users"], "resourceNames": ["oidc:bob"]}
    groups = {**rule, "resources": ["groups"], "resourceNames": ["oidc:payments", "oidc:sre"]}
    assert rules(rendered(release, {**GROUPS, "impersonate": names})) == [users, groups]
    some = {**GROUPS, "impersonate": {"groups": names["groups"]}}
    assert rules(rendered(release, some)) == [{**rule, "resources": ["users"]}, groups]


def test_without_a_claim_of_groups_it_may_act_in_no_group(release: Release) -> None:
    rule = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}
    assert rules(rendered(release, NEEDED)) == [rule]
    listed = {**NEEDED, "impersonate": {"users": ["oidc:bob"]}}
    assert rules(rendered(release, listed)) == [{**rule, "resourceNames": ["oidc:bob"]}]


def test_its_address_is_that_of_the_ingress_unless_another_is_given(release: Release) -> None:
    ingress = {"ingress": {"enabled": True, "host": "inside.example.com"}}
    own = "--external-url=https://automation.example.com"
    assert own in arguments(rendered(release, NEEDED, api=ingress), "api")
    slash = {**NEEDED, "externalUrl": "https://automation.example.com/"}
    assert own in arguments(rendered(release, slash), "api")
    found = arguments(rendered(release, {**NEEDED, "externalUrl": ""}, api=ingress), "api")
    assert "--external-url=https://inside.example.com" in found


def test_the_notes_name_the_redirect_uri_and_the_address_of_the_login(
    helm: Path, tmp_path: Path
) -> None:
    chart = tmp_path / CHART.name
    shutil.copytree(CHART, chart)
    text = (chart / "templates/NOTES.txt").read_text()
    template = (
        f'{{{{ define "notes" }}}}{text}{{{{ end }}}}notes: {{{{ include "notes" . | toJson }}}}'
    )
    (chart / "templates/notes.yaml").write_text(template)
    values = {**SHARED, "api": {"enabled": True, "oidc": NEEDED}}
    only = ("--show-only=templates/notes.yaml",)
    shown = yaml.safe_load(Release(helm, chart=chart).text(values, *only))["notes"]
    assert "redirect URI https://automation.example.com/automation/callback" in shown
    assert "https://automation.example.com/automation/login?return=" in shown


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in NEEDED.items() if key != name}


@pytest.mark.parametrize(
    ("oidc", "said"),
    [
        (without("issuer"), "api.oidc.externalUrl: set api.oidc.issuer as well"),
        ({"clientId": "workflow"}, "api.oidc.clientId: set api.oidc.issuer as well"),
        ({"impersonate": {"users": ["oidc:a"]}}, "api.oidc.impersonate: set api.oidc.issuer"),
        (without("clientId"), "api.oidc.clientId: give the client ID of the API at the provider"),
        (without("secretName"), "api.oidc.secretName: name the Secret with the keys of sessions"),
        (without("externalUrl"), "api.oidc.externalUrl: give the address of the API for browsers"),
        (
            {**NEEDED, "issuer": "http://login.example.com"},
            "api.oidc.issuer: http://login.example.com must be an address with https",
        ),
        (
            {**NEEDED, "externalUrl": "https://a.example.com/b"},
            "api.oidc.externalUrl: https://a.example.com/b must be https://HOST",
        ),
        (
            {**NEEDED, "groupsFilter": ["k8s-"]},
            "api.oidc.groupsFilter: set api.oidc.groupsClaim as well",
        ),
        ({**NEEDED, "scopes": ["email"]}, "api.oidc.scopes: add openid"),
        ({**NEEDED, "usernameClaim": ""}, "api.oidc.usernameClaim"),
        ({**NEEDED, "sessionLifetime": "soon"}, "api.oidc.sessionLifetime"),
        ({**NEEDED, "impersonate": {"groups": ["system:masters"]}}, "api.oidc.impersonate.groups"),
        (
            {**NEEDED, "impersonate": {"groups": ["oidc:sre"]}},
            "api.oidc.impersonate.groups: set api.oidc.groupsClaim as well",
        ),
        (
            {**GROUPS, "impersonate": {"users": ["oidc:ana"]}},
            "api.oidc.impersonate.groups: list the groups as well",
        ),
        ({**NEEDED, "clientID": "workflow"}, "clientID"),
    ],
)
def test_a_configuration_that_lacks_something_is_refused_by_its_path(
    release: Release, oidc: dict[str, Any], said: str
) -> None:
    done = release.attempt({**SHARED, "api": {"enabled": True, "oidc": oidc}})
    assert done.returncode != 0
    shown = done.stderr if said in done.stderr else done.stderr.replace("/", ".")
    assert said in shown


def test_beside_a_recorder_with_sqlite_there_is_no_login(release: Release) -> None:
    api = {"enabled": True, "oidc": NEEDED}
    done = release.attempt({**SHARED, "api": api, "history": SQLITE["history"]})
    assert "set history.database to postgresql" in json.dumps(done.stderr)
