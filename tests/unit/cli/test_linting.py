"""`lint`: what is wrong, what is doubtful, and what could not be checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.connection import Target
from orchestrator.cli.linting import lint_files, verdict
from orchestrator.kube.resources import CONFIG_MAPS
from orchestrator.session.checking import Findings, check_documents
from orchestrator.session.errors import UsageError
from orchestrator.session.manifests import Document, read_documents

HEAD = "apiVersion: automation.itechsmart.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\n"
TEMPLATE = HEAD.format("ClusterTemplate", "greet") + "spec: {action: {command: [a]}}\n"


class FakeCluster:
    """A cluster with a Template and a Workflow."""

    namespace = "shop"

    def within(self, namespace: str | None) -> FakeCluster:
        assert namespace in (None, "shop")
        return self

    def list(self, kind: Any) -> dict[str, Any]:
        specs: dict[str, dict[str, Any]] = {
            "ClusterTemplate": {"greet": {"action": {"command": ["a"]}}},
            "Workflow": {
                "deploy": {
                    "variables": [{"name": "image", "type": "string", "required": True}],
                    "nodes": [{"name": "a", "delay": "1s"}],
                }
            },
        }
        listed = specs.get(kind.kind, {})
        return {"items": [{"metadata": {"name": n}, "spec": spec} for n, spec in listed.items()]}


class NoLists(FakeCluster):
    """A cluster on which nothing may be listed."""

    def list(self, kind: Any) -> dict[str, Any]:
        raise UsageError(f"ana may not list {kind.plural}")


def flow(*nodes: str, more: str = "") -> str:
    return HEAD.format("Workflow", "w") + f"spec: {{nodes: [{', '.join(nodes)}]{more}}}\n"


def check(tmp_path: Path, text: str, cluster: Any = None) -> Findings:
    (tmp_path / "it.yaml").write_text(text)
    documents, problems = read_documents([str(tmp_path / "it.yaml")])
    assert problems == []
    return check_documents(documents, cluster)


@pytest.fixture
def lint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Lint a text on a machine without a kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(text: str, *, offline: bool = False) -> tuple[int, str, str]:
        (tmp_path / "it.yaml").write_text(text)
        code = lint_files(Target(), [str(tmp_path / "it.yaml")], offline=offline)
        out, err = capsys.readouterr()
        return code, out, err.replace(f"{tmp_path}/", "")

    return run


def test_without_a_kubeconfig_everything_but_the_cluster_is_checked(lint: Any) -> None:
    code, out, err = lint(
        flow(
            "{name: a, action: http-request, with: {ulr: x}}",
            "{name: b, action: local/own}",
            "{name: c, workflow: {name: deploy}}",
        )
    )
    assert code == 2
    assert (
        "spec.nodes[0].with.ulr: 'http-request' has no parameter 'ulr'; did you mean 'url'?" in err
    )
    assert (
        "Workflow w: not checked, without a cluster: action local/own, sub-workflow deploy" in err
    )
    assert "checked without a cluster (no usable kubeconfig" in err
    assert out == "workflow/w: invalid, 2 errors\n"


def test_a_warning_leaves_a_manifest_valid(lint: Any) -> None:
    code, out, err = lint(
        flow("{name: a, fail: '{{ vars.x }}'}", more=", variables: [{name: x, type: string}]"),
        offline=True,
    )
    assert (code, out) == (0, "workflow/w: valid, 1 warning\n")
    assert (
        "it.yaml: document 1: Workflow w: warning: spec.nodes[0].fail: '{{ vars.x }}' is plain"
        " text; for its value write `$[[ vars.x ]]`\n" in err
    )
    assert "checked without a cluster (--offline)" in err


def test_an_action_like_a_shipped_one_is_doubted_without_a_cluster(lint: Any) -> None:
    code, _, err = lint(flow("{name: a, action: http-reqest}"))
    assert code == 0
    assert "spec.nodes[0].action: this release ships no action 'http-reqest'; did you mean" in err
    assert "not checked, without a cluster: action http-reqest" in err


def test_a_template_beside_a_workflow_is_proposed_as_local(lint: Any) -> None:
    own = HEAD.format("Template", "notify") + "spec: {action: {command: [a]}}\n"
    _, _, err = lint(f"{flow('{name: a, action: notify}')}---\n{own}")
    assert "ships no action 'notify'; for the Template beside it write 'local/notify'" in err


def test_a_sub_workflow_like_one_beside_it_is_doubted_without_a_cluster(lint: Any) -> None:
    other = HEAD.format("Workflow", "deploy") + "spec: {nodes: [{name: a, delay: 1s}]}\n"
    _, _, err = lint(f"{flow('{name: a, workflow: {name: deply}}')}---\n{other}")
    assert "there is no Workflow 'deply' beside this one; did you mean 'deploy'?" in err


def test_two_manifests_of_one_object_are_refused_unless_they_are_the_same(lint: Any) -> None:
    one, other = flow("{name: a, delay: 1s}"), flow("{name: b, delay: 1s}")
    code, out, err = lint(f"{one}---\n{other}")
    assert (code, out) == (2, "workflow/w: valid\nworkflow/w: invalid, 1 error\n")
    assert (
        "it.yaml: document 2: Workflow w: metadata.name: it.yaml: document 1 has another Workflow"
        " of this name; delete or rename one of them" in err.replace("/", "")
    )
    assert lint(f"{one}---\n{one}")[0] == 0


def test_a_file_without_manifests_is_refused(lint: Any) -> None:
    with pytest.raises(UsageError, match="no manifest found"):
        lint("")


def test_a_kubeconfig_that_was_named_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(flow("{name: a, delay: 1s}"))
    with pytest.raises(UsageError, match="no usable kubeconfig"):
        lint_files(Target(str(tmp_path / "nowhere")), [str(tmp_path / "it.yaml")], offline=False)


def test_what_depends_on_no_other_object_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    found = check(tmp_path, flow("{name: a, action: x}", more=", edges: [{from: a, to: b}]"))
    assert [problem.partition("Workflow w: ")[2] for problem in found.problems] == [
        "spec.edges[0].to: there is no node 'b'; the nodes are a"
    ]


def test_sub_workflows_of_the_cluster_are_checked(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        flow("{name: a, workflow: {name: deploy}}", "{name: b, workflow: {name: deply}}"),
        FakeCluster(),
    )
    assert "spec.nodes[0].workflow.variables.image: is required" in found.problems[0]
    assert found.warnings == []
    found = check(tmp_path, flow("{name: b, workflow: {name: deply}}"), FakeCluster())
    assert found.problems == found.unchecked == []
    assert found.warnings[0].endswith(
        "Workflow w: warning: spec.nodes[0].workflow.name: there is no Workflow 'deply' in this"
        " namespace; did you mean 'deploy'?"
    )


def test_the_workflow_of_a_trigger_is_looked_up(tmp_path: Path) -> None:
    trigger = HEAD.format("Trigger", "t") + "spec: {workflow: deply, execution: {}}\n"
    found = check(tmp_path, trigger, FakeCluster())
    assert "spec.workflow: there is no Workflow 'deply' in this namespace; did" in found.warnings[0]
    assert check(tmp_path, trigger).warnings == []


def test_a_trigger_is_checked_against_its_workflow_beside_it_or_on_the_cluster(
    tmp_path: Path,
) -> None:
    trigger = HEAD.format("Trigger", "t") + "spec: {workflow: deploy, execution: {}}\n"
    found = check(tmp_path, trigger, FakeCluster())
    assert found.problems[0].endswith(
        "Trigger t: spec.variables.image: is required: Workflow deploy's variable image has no"
        " default"
    )
    newer = HEAD.format("Workflow", "deploy") + "spec: {nodes: [{name: a, delay: 1s}]}\n"
    for cluster in (None, FakeCluster()):
        beside = check(tmp_path, f"{trigger}---\n{newer}", cluster)
        assert beside.problems == beside.warnings == beside.unchecked == []
    assert (
        check(tmp_path, trigger)
        .unchecked[0]
        .endswith("Trigger t: not checked, without a cluster: Workflow deploy")
    )


def test_what_may_not_be_listed_is_not_checked(tmp_path: Path) -> None:
    found = check(tmp_path, flow("{name: a, action: greet}"), NoLists())
    assert found.problems == found.warnings == []
    assert found.unchecked[0].endswith("not checked, since it cannot be listed: action greet")


def test_actions_beside_a_workflow_need_no_list(tmp_path: Path) -> None:
    text = f"{flow('{name: a, action: greet, with: {x: 1}}')}---\n{TEMPLATE}"
    found = check(tmp_path, text, NoLists())
    assert found.unchecked == []
    assert "'greet' has no parameter 'x'" in found.problems[0]


def test_objects_of_other_kinds_are_not_called_valid() -> None:
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    other = Document("it.yaml: document 1", raw, CONFIG_MAPS)
    assert verdict(other, Findings()) == "configmap/settings: not checked, it is of another API"


def test_the_name_of_an_execution_may_be_generated(lint: Any) -> None:
    head = HEAD.format("WorkflowExecution", "x").replace("name:", "generateName:")
    assert lint(f"{head}spec: {{workflow: w}}\n", offline=True)[:2] == (
        0,
        "workflowexecution/x: valid\n",
    )
    code, _, err = lint(f"{head}spec: {{workflow: w, requesters: ana}}\n", offline=True)
    assert code == 2
    assert "WorkflowExecution x: spec: there is no field 'requesters'" in err


def test_the_name_of_a_workflow_may_not_be_generated(lint: Any) -> None:
    code, _, err = lint(flow("{name: a, delay: 1s}").replace("{name: w}", "{generateName: w}"))
    assert code == 2
    assert "metadata.name: a name is needed" in err
