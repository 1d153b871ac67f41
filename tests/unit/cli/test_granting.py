"""`grant`: the least rights that actions need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.actions.registry import every
from tests.commandline import Done
from tests.unit.cli.conftest import CliEnvironment

HEAD = "apiVersion: automation.itechsmart.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\n"
NODES = """
apiVersion: automation.itechsmart.dev/v1alpha1
kind: Template
metadata: {name: drain}
spec:
  rights:
    - {apiGroups: [""], resources: [nodes], verbs: [get, patch], scope: Cluster}
    - {apiGroups: [""], resources: [configmaps], resourceNames: [drains], verbs: [get]}
  action: {image: drainer, serviceAccountName: drainer}
"""


def grant(env: CliEnvironment, *arguments: str, stdin: str = "") -> Done:
    return env.alone("grant", "--offline", *arguments, stdin=stdin)


def flow(name: str, *nodes: str) -> str:
    return HEAD.format("Workflow", name) + f"spec: {{nodes: [{', '.join(nodes)}]}}\n---\n"


def objects(done: Done) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What was printed, by kind, namespace and name."""
    assert done.code == 0, done.err
    found = {}
    for raw in yaml.safe_load_all(done.out):
        metadata = raw["metadata"]
        found[raw["kind"], metadata.get("namespace", ""), metadata["name"]] = raw
    return found


def verbs(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of all rules."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    "action", [one for one in every() if one.rights], ids=lambda action: action.name
)
def test_an_action_is_granted_what_it_declares_and_no_more(
    env: CliEnvironment, action: Any
) -> None:
    found = objects(grant(env, action.name, "-n", "shop"))
    everywhere = {right.every_namespace or not right.resource.namespaced for right in action.rights}
    assert len(everywhere) == 1, "no shipped action has rights of both scopes"
    name, scope, namespace = f"automation-runner:{action.name}", "", "shop"
    if everywhere == {True}:
        name, scope, namespace = f"shop:{name}", "Cluster", ""
    assert set(found) == {
        ("ServiceAccount", "shop", "automation-runner"),
        (f"{scope}Role", namespace, name),
        (f"{scope}RoleBinding", namespace, name),
    }
    declared = {
        (right.resource.group, right.path, verb) for right in action.rights for verb in right.verbs
    }
    assert verbs(found[f"{scope}Role", namespace, name]) == declared
    binding = found[f"{scope}RoleBinding", namespace, name]
    assert binding["roleRef"]["name"] == name
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "automation-runner", "namespace": "shop"}
    ]
    account = found["ServiceAccount", "shop", "automation-runner"]
    assert account["metadata"]["labels"] == {"automation.itechsmart.dev/allow-workflows": "true"}


def test_each_action_has_a_role_of_its_own_so_that_one_can_be_revoked(env: CliEnvironment) -> None:
    found = objects(grant(env, "rollout-undo", "pod-logs", "rollout-undo"))
    roles = sorted(name for kind, _, name in found if kind == "Role")
    assert roles == ["automation-runner:pod-logs", "automation-runner:rollout-undo"]


def test_an_action_without_rights_needs_nothing(env: CliEnvironment) -> None:
    done = grant(env, "http-request")
    assert (done.code, done.out) == (0, "")
    assert "there is nothing to grant" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rollout-restrat"], "no action 'rollout-restrat'; did you mean 'rollout-restart'?"),
        (["local/drain"], "'local/drain' is unknown; give the file of its Template with -f"),
        ([], "name actions, or a file with a Workflow: -f FILE"),
        (["pod-logs", "--service-account", "No Name"], "--service-account No Name: is not the"),
        (["pod-logs", "--target-namespace", "a/b"], "--target-namespace a/b: is not the name"),
        (["-f", "nowhere.yaml"], "nowhere.yaml: No such file"),
    ],
)
def test_what_is_unknown_or_wrong_is_reported_and_nothing_is_printed(
    env: CliEnvironment, arguments: Sequence[str], words: str
) -> None:
    done = grant(env, *arguments)
    assert (done.code, done.out, words in done.err) == (2, "", True), done.err


def test_a_file_names_its_actions_with_their_place(env: CliEnvironment) -> None:
    text = flow("respond", "{name: a, action: pod-logs, with: {name: web}}")
    found = objects(grant(env, "-f", "-", "-n", "shop", stdin=text))
    assert ("Role", "shop", "automation-runner:pod-logs") in found
    wrong = grant(env, "-f", "-", stdin=flow("respond", "{name: a, action: pod-log}"))
    assert wrong.code == 2
    assert "document 1: Workflow respond: spec.nodes[0].action: this release" in wrong.err
    assert "did you mean 'pod-logs'?" in wrong.err


def test_sub_workflows_and_their_actions_are_followed(env: CliEnvironment) -> None:
    parent = flow("parent", "{name: a, workflow: {name: child}}")
    child = flow("child", "{name: b, action: rollout-status, with: {name: web}}")
    done = grant(env, "-f", "-", stdin=parent)
    assert (done.code, "sub-workflow 'child' is unknown" in done.err) == (2, True)
    found = objects(grant(env, "-f", "-", stdin=parent + child))
    assert ("Role", "default", "automation-runner:rollout-status") in found


def test_the_template_of_a_whole_workflow_stands_for_its_actions(env: CliEnvironment) -> None:
    inner = "{name: a, action: rollout-undo, with: {name: web}}"
    whole = f"spec: {{workflow: {{nodes: [{inner}]}}}}\n---\n"
    text = HEAD.format("ClusterTemplate", "back") + whole + flow("w", "{name: a, action: back}")
    found = objects(grant(env, "-f", "-", stdin=text))
    assert ("Role", "default", "automation-runner:rollout-undo") in found


def test_another_namespace_is_granted_where_the_action_works(env: CliEnvironment) -> None:
    text = flow(
        "w",
        "{name: a, action: rollout-status, with: {name: web, namespace: web}}",
        "{name: b, action: rollout-status, with: {name: db}}",
    )
    found = objects(grant(env, "-f", "-", "-n", "ops", stdin=text))
    roles = {(namespace, name) for kind, namespace, name in found if kind == "Role"}
    assert roles == {
        ("ops", "automation-runner:rollout-status"),
        ("web", "ops:automation-runner:rollout-status"),
    }
    binding = found["RoleBinding", "web", "ops:automation-runner:rollout-status"]
    assert binding["subjects"][0]["namespace"] == "ops"


def test_a_namespace_that_is_known_only_when_it_runs_is_reported(env: CliEnvironment) -> None:
    node = '{name: a, action: rollout-status, with: {name: x, namespace: "$[[ vars.where ]]"}}'
    text = HEAD.format("Workflow", "w") + (
        f"spec: {{variables: [{{name: where, type: string, required: true}}], nodes: [{node}]}}\n"
    )
    done = grant(env, "-f", "-", "-n", "ops", stdin=text)
    assert "the namespace of rollout-status is $[[ vars.where ]]" in done.err
    named = grant(env, "-f", "-", "-n", "ops", "--target-namespace", "web", stdin=text)
    assert named.err == ""
    assert ("Role", "web", "ops:automation-runner:rollout-status") in objects(named)


def test_a_template_of_your_own_says_what_it_needs(env: CliEnvironment, tmp_path: Path) -> None:
    path = tmp_path / "drain.yaml"
    path.write_text(NODES + "---\n" + flow("w", "{name: a, action: local/drain}"))
    found = objects(grant(env, "-f", str(path), "-n", "ops"))
    assert set(found) == {
        ("ServiceAccount", "ops", "drainer"),
        ("Role", "ops", "drainer:local:drain"),
        ("RoleBinding", "ops", "drainer:local:drain"),
        ("ClusterRole", "", "ops:drainer:local:drain"),
        ("ClusterRoleBinding", "", "ops:drainer:local:drain"),
    }
    assert found["ClusterRole", "", "ops:drainer:local:drain"]["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"]}
    ]
    assert found["Role", "ops", "drainer:local:drain"]["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["drains"],
            "verbs": ["get"],
        }
    ]


def test_another_account_is_granted_and_what_the_template_names_is_reported(
    env: CliEnvironment,
) -> None:
    done = grant(env, "pod-logs", "--service-account", "logs", "-n", "ops")
    assert ("RoleBinding", "ops", "logs:pod-logs") in objects(done)
    assert "the Template of pod-logs runs as automation-runner, not as logs" in done.err


def test_a_template_that_declares_no_rights_is_reported(env: CliEnvironment) -> None:
    template = HEAD.format("Template", "mine") + "spec: {action: {serviceAccountName: it}}\n---\n"
    text = template + flow("w", "{name: a, action: local/mine}")
    done = grant(env, "-f", "-", stdin=text)
    assert (done.code, done.out) == (0, "")
    assert "local/mine runs as it and declares no rights in spec.rights" in done.err


def test_the_clusters_own_templates_count_where_there_is_a_cluster(env: CliEnvironment) -> None:
    spec = yaml.safe_load(NODES)["spec"]
    env.put("Template", "drain", "ops", spec=spec)
    env.put("ClusterTemplate", "reboot", "", spec=spec)
    found = objects(env("grant", "local/drain", "reboot", "-n", "ops"))
    assert ("ClusterRole", "", "ops:drainer:reboot") in found
    done = env("grant", "local/drai", "-n", "ops")
    assert (done.code, "did you mean 'local/drain'?" in done.err) == (2, True)
    missing = env("grant", "pod-logs", "-n", "ops")
    assert (missing.code, "there is no ClusterTemplate 'pod-logs'" in missing.err) == (2, True)


def test_workflows_of_several_namespaces_are_granted_one_at_a_time(env: CliEnvironment) -> None:
    text = "".join(
        flow(name, "{name: a, action: pod-logs}").replace(
            f"name: {name}}}", f"name: {name}, namespace: {name}}}"
        )
        for name in ("a", "b")
    )
    done = grant(env, "-f", "-", stdin=text)
    assert (done.code, "of several namespaces (a, b)" in done.err) == (2, True)
    elsewhere = grant(env, "-f", "-", "-n", "c", stdin=text)
    assert (elsewhere.code, "but -n c was given" in elsewhere.err) == (2, True)
