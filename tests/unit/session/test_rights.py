"""A refusal names the right that is missing and the command that grants it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml

from orchestrator.kube.errors import error_from
from orchestrator.session.errors import ForbiddenError, in_words
from orchestrator.session.rights import ONCALL, Missing, explain_refusal
from tests.service_accounts import INSTALL

OURS = "automation.itechsmart.dev"
ROLES: dict[str, list[dict[str, Any]]] = {
    raw["metadata"]["name"]: raw["rules"]
    for raw in yaml.safe_load_all((INSTALL / "user-roles.yaml").read_text())
    if raw["kind"] == "ClusterRole"
}


IN_SHOP = 'in the namespace "shop"'


def rbac(verb: str, resource: str, group: str = OURS, where: str = IN_SHOP) -> str:
    """What the API server says, as seen of Kubernetes 1.35."""
    named = f'{resource}.{group} "run"' if group else f'{resource} "run"'
    return (
        f'{named} is forbidden: User "ana" cannot {verb} resource "{resource}"'
        f' in API group "{group}" {where}'
    )


CASES: dict[str, tuple[str, Any, str]] = {
    "see": (rbac("list", "workflows"), None, "itechsmart-workflow-view"),
    "run": (rbac("create", "workflowexecutions"), {"spec": {"workflow": "w"}}, "-run"),
    "rerun": (rbac("create", "workflowexecutions"), {"spec": {"rerunOf": {}}}, "-rerun"),
    "pause": (
        rbac("patch", "workflowexecutions"),
        {"spec": {"desiredState": ""}},
        "-control",
    ),
    "approve": (rbac("patch", "workflowexecutions"), {"spec": {"decisions": []}}, "-approve"),
    "replace": (
        rbac("patch", "workflowexecutions"),
        [{"op": "replace", "path": "/spec/decisions/0"}],
        "-approve",
    ),
    "signal": (rbac("patch", "workflowexecutions"), {"spec": {"signals": []}}, "-signal"),
    "label": (rbac("patch", "workflowexecutions"), {"metadata": {}}, "-oncall"),
    "delete": (rbac("delete", "workflowexecutions"), None, "-edit"),
    "write": (rbac("patch", "templates"), {"spec": {}}, "-edit"),
    "logs": (rbac("get", "pods/log", ""), None, "-oncall"),
    "explain": (rbac("get", "controllerrevisions", "apps"), None, "-oncall"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_command_grants_what_is_missing_in_that_namespace(case: str) -> None:
    message, sent, role = CASES[case]
    said = explain_refusal(message, "shop", sent)
    verb, resource = message.split(" cannot ")[1].split(' resource "')
    assert said.startswith(f"ana may not {verb} {resource.split(chr(34))[0]} in namespace shop")
    command = shlex.split(said.splitlines()[1])
    assert command[:3] == ["kubectl", "create", "rolebinding"]
    assert "--namespace=shop" in command
    assert "--user=ana" in command
    granted = next(word for word in command if word.startswith("--clusterrole="))[14:]
    assert granted.endswith(role)
    rights = {
        (of, thing, does)
        for rule in ROLES[granted]
        for of in rule["apiGroups"]
        for thing in rule["resources"]
        for does in rule["verbs"]
    }
    group = message.split('API group "')[1].split('"')[0]
    assert (group, resource.split('"')[0], verb) in rights


def test_the_on_call_role_holds_what_each_of_its_parts_does() -> None:
    def rights(name: str) -> set[tuple[str, str]]:
        return {
            (thing, verb)
            for rule in ROLES[name]
            for thing in rule["resources"]
            for verb in rule["verbs"]
        }

    for part in ("run", "control", "approve", "signal", "rerun"):
        assert rights(f"itechsmart-workflow-{part}") <= rights(ONCALL)
    assert not {verb for _, verb in rights(ONCALL)} & {"delete", "update", "trigger", "*"}
    assert "secrets" not in {thing for thing, _ in rights(ONCALL)}


def test_a_refusal_of_the_policies_says_it_in_their_words_and_adds_the_command() -> None:
    message = (
        'workflowexecutions.automation.itechsmart.dev "run" is forbidden: ValidatingAdmissionPolicy'
        " 'itechsmart-workflow-people' with binding 'itechsmart-workflow-people' denied request:"
        " eve may not pause, resume or cancel: it requires the verb control on workflowexecutions"
    )
    lines = explain_refusal(message, "shop").splitlines()
    assert lines[0].startswith("eve may not pause, resume or cancel: it requires the verb control")
    assert "--clusterrole=itechsmart-workflow-control --user=eve" in lines[1]
    forged = message.replace(lines[0].partition(";")[0], "by must be eve")
    assert explain_refusal(forged, "shop") == "by must be eve"


def test_an_account_is_bound_as_one() -> None:
    said = Missing("system:serviceaccount:ci:bot", "create", "workflowexecutions", OURS, "shop")
    assert "--serviceaccount=ci:bot" in said.sentence({"spec": {}})
    assert " system-serviceaccount-ci-bot-run " in said.sentence({"spec": {}})


def test_who_is_unknown_is_to_be_named_as_a_user_or_as_an_account() -> None:
    first, *more = Missing("", "list", "workflows", OURS, "shop").sentence().splitlines()
    assert first == "you may not list workflows in namespace shop; this grants it:"
    assert more[0].endswith(
        "rolebinding view --namespace=shop --clusterrole=itechsmart-workflow-view --user=NAME"
    )
    assert more[1] == "  (for a service account: --serviceaccount=NAMESPACE:NAME)"


def test_what_no_shipped_role_grants_is_the_administrators() -> None:
    for message in (
        rbac("create", "clustertemplates", where="at the cluster scope"),
        rbac("impersonate", "users", "", where="at the cluster scope"),
        rbac("get", "secrets", ""),
    ):
        said = explain_refusal(message, "shop")
        assert said.startswith("ana may not")
        assert said.endswith("; a cluster administrator can grant it")
    everywhere = explain_refusal(rbac("list", "workflows", where="at the cluster scope"), "")
    assert "kubectl create clusterrolebinding ana-view --clusterrole" in everywhere


def test_a_quota_is_said_as_the_api_server_says_it() -> None:
    body = b'{"message": "jobs.batch \\"x\\" is forbidden: exceeded quota: few"}'
    error = in_words(error_from(403, {}, body))
    assert isinstance(error, ForbiddenError)
    assert "exceeded quota: few" in str(error)
