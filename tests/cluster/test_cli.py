"""The command line against a real API server, with and without the operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.twelve_node_workflow import TASK as TWELVE_TASK
from tests.cluster.twelve_node_workflow import TWELVE
from tests.commandline import CommandLine, kubeconfig_of
from tests.kube import (
    ROOT,
    Kubectl,
    Operator,
    ended,
    eventually,
    execution,
    manifest,
    running_operator,
    workflow,
)

TASK = manifest(
    "Template",
    "task",
    {
        "parameters": [{"name": "text", "type": "string"}],
        "action": {"image": "fake", "command": ["true"]},
    },
)
SHORT = workflow(
    "short",
    variables=[
        {"name": "count", "type": "integer", "required": True},
        {"name": "hosts", "type": "list", "default": []},
    ],
    nodes=[
        {"name": "first", "action": "local/task", "with": {"text": "n is $[[ vars.count ]]"}},
        {"name": "second", "condition": "vars.count == 3"},
    ],
    edges=[{"from": "first", "to": "second"}],
    outputs=[{"name": "is_three", "value": "nodes.second.outputs.result"}],
)


@pytest.fixture
def cli(kubectl: Kubectl) -> CommandLine:
    return CommandLine(kubectl.kubeconfig, kubectl.namespace)


@pytest.fixture(scope="module")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with running_operator(kubeconfig, log) as process:
        yield process


def file(tmp_path: Path, *manifests: dict[str, Any]) -> str:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


# apply


def test_apply_says_of_each_object_what_it_did(cli: CommandLine, tmp_path: Path) -> None:
    path = file(tmp_path, SHORT, TASK)
    assert cli("apply", "-f", path).stdout == "workflow/short created\ntemplate/task created\n"
    changed = {**SHORT, "spec": {**SHORT["spec"], "title": "A new title"}}
    done = cli("apply", "-f", file(tmp_path, changed, TASK))
    assert done.stdout == "workflow/short configured\ntemplate/task unchanged\n"


def test_apply_takes_standard_input_and_its_manifests_namespace(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    own = {**TASK, "metadata": {"name": "task", "namespace": kubectl.namespace}}
    done = CommandLine(cli.kubeconfig, kubectl.namespace)("apply", "-f", "-", stdin=json.dumps(own))
    assert done.stdout == "template/task created\n"
    elsewhere = CommandLine(cli.kubeconfig, "default")("apply", "-f", "-", stdin=json.dumps(own))
    assert elsewhere.returncode == 2
    assert f"is {kubectl.namespace}, but -n default was given" in elsewhere.stderr


def test_a_dry_run_stores_nothing(cli: CommandLine, kubectl: Kubectl, tmp_path: Path) -> None:
    done = cli("apply", "--dry-run=server", "-f", file(tmp_path, TASK))
    assert done.stdout == "template/task created (dry run)\n"
    assert kubectl.get("templates")["items"] == []


def test_one_wrong_manifest_means_that_none_is_applied(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    wrong = workflow("wrong", nodes=[{"name": "a", "action": "task", "with": {"txt": "x"}}])
    done = cli("apply", "-f", file(tmp_path, TASK, wrong))
    assert done.returncode == 2
    assert "manifests.yaml: document 2: Workflow wrong: spec.nodes[0].action: " in done.stderr
    assert "write 'local/task'" in done.stderr
    assert kubectl.get("templates")["items"] == []


def test_actions_are_looked_up_on_the_cluster(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.apply(TASK)
    node = {"name": "a", "action": "local/task", "with": {"txt": "x"}}
    done = cli("apply", "-f", file(tmp_path, workflow("wrong", nodes=[node])))
    assert done.returncode == 2
    assert "spec.nodes[0].with.txt: 'local/task' has no parameter 'txt'" in done.stderr


def test_what_only_the_api_server_refuses_is_said_in_its_words_and_nothing_is_applied(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    odd = {**TASK, "metadata": {"name": "odd", "labels": {"no such key!": "x"}}}
    done = cli("apply", "-f", file(tmp_path, TASK, odd))
    assert (done.returncode, done.stdout) == (2, "")
    assert "manifests.yaml: document 2: Template odd: " in done.stderr
    assert "no such key!" in done.stderr
    assert kubectl.get("templates")["items"] == []


# run, watch, logs, cancel


def test_a_run_starts_with_typed_variables_and_who_asked(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    kubectl.apply(TASK, SHORT)
    done = cli("run", "short", "--var", "count=3", "--var", 'hosts=["a"]', "--name", "mine")
    assert done.stdout == "workflowexecution/mine\n"
    spec = kubectl.get("awfx", "mine")["spec"]
    assert spec["variables"] == {"count": 3, "hosts": ["a"]}
    assert (
        spec["requester"]
        == json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"]
    )


def test_runs_without_a_name_are_named_after_their_workflow(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    kubectl.apply(TASK, SHORT)
    names = [cli("run", "short", "--var", "count=1").stdout for _ in range(2)]
    assert names[0] != names[1]
    assert all(name.startswith("workflowexecution/short-") for name in names)


def test_a_run_with_wrong_variables_starts_nothing(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(TASK, SHORT)
    done = cli("run", "short", "--var", "cuont=3")
    assert done.returncode == 2
    assert "did you mean 'count'?" in done.stderr
    assert kubectl.get("awfx")["items"] == []


@pytest.mark.usefixtures("operator")
def test_a_watched_run_tells_each_change_and_ends_with_its_exit_code(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    kubectl.apply(TASK, SHORT)
    done = cli("run", "short", "--var", "count=3", "--name", "mine", "--watch")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("mine, a run of short")
    assert any(line.split()[1:3] == ["first", "Succeeded"] for line in lines)
    assert lines[-1] == "  is_three = true"


@pytest.mark.usefixtures("operator")
def test_a_watched_run_can_end_as_json(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(TASK, SHORT)
    done = cli("run", "short", "--var", "count=3", "--watch", "-o", "json")
    assert json.loads(done.stdout)["status"]["phase"] == "Succeeded"
    assert "first" in done.stderr


@pytest.mark.usefixtures("operator")
def test_a_workflow_that_is_not_valid_fails_with_its_path(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    kubectl.apply(workflow("loop", nodes=[{"name": "a", "condition": "vars.nothing"}]))
    done = cli("run", "loop", "--watch")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Workflow loop is not valid" in done.stderr
    assert "spec.nodes[0].condition: " in done.stderr
    assert kubectl.get("awfx")["items"] == []


@pytest.mark.usefixtures("operator")
def test_cancel_waits_for_the_end(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(workflow("slow", nodes=[{"name": "a", "delay": "1h"}]))
    cli("run", "slow", "--name", "mine")
    eventually(lambda: kubectl.get("awfx", "mine").get("status", {}).get("nodes"))
    done = cli("cancel", "mine", "--wait")
    assert (done.returncode, done.stderr) == (4, "")
    assert "workflowexecution/mine is being cancelled" in done.stdout
    assert cli("cancel", "mine").stdout == "workflowexecution/mine has already ended: Cancelled\n"


@pytest.mark.usefixtures("operator")
def test_logs_say_when_a_pod_is_gone(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(TASK, SHORT, execution("short", "mine", variables={"count": 3}))
    ended(kubectl, "mine")
    kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
    assert cli("logs", "mine").stdout == "first | (its pod was deleted, and its log with it)\n"
    done = cli("logs", "mine", "frist")
    assert (done.returncode, done.stderr) == (
        2,
        "error: mine has no node frist that has started; it has started first, second;"
        " did you mean 'first'?\n",
    )


# get


@pytest.mark.parametrize("word", ["workflow", "workflows", "awf"])
def test_get_shows_the_columns_of_kubectl(cli: CommandLine, kubectl: Kubectl, word: str) -> None:
    kubectl.apply(SHORT)
    header, row = cli("get", word).stdout.splitlines()
    assert header.split() == kubectl("get", "awf").splitlines()[0].split()
    assert row.startswith("short ")


def test_get_gives_what_is_asked_for(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(SHORT)
    assert cli("get", "awf", "-o", "name").stdout == "workflow/short\n"
    assert json.loads(cli("get", "awf", "short", "-o", "json").stdout)["kind"] == "Workflow"
    listed = yaml.safe_load(cli("get", "awf", "-o", "yaml").stdout)
    assert (listed["kind"], len(listed["items"])) == ("List", 1)
    kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(listed))
    assert "TITLE" in cli("get", "awf", "-o", "wide").stdout
    assert kubectl.namespace in cli("get", "awf", "-A").stdout
    assert cli("get", "incidents").stdout == (
        f"there are no incidents in namespace {kubectl.namespace}\n"
    )


def test_get_selects_sorts_and_picks_as_kubectl_does(cli: CommandLine, kubectl: Kubectl) -> None:
    for name, title in (("b", "second"), ("a", "third"), ("c", "first")):
        raw = workflow(name, title=title, nodes=[{"name": "x", "delay": "1s"}])
        kubectl.apply(
            {**raw, "metadata": {"name": name, "labels": {"odd": str(name != "a").lower()}}}
        )
    both = (
        ("-l", "odd=true"),
        ("--field-selector", "metadata.name=b"),
        ("--sort-by", ".spec.title"),
    )
    for more in both:
        ours = cli("get", "awf", *more, "-o", "name").stdout.split()
        theirs = kubectl("get", "awf", *more, "-o", "name").split()
        assert [one.rpartition("/")[2] for one in ours] == [
            one.rpartition("/")[2] for one in theirs
        ]
    for template in (
        "{.items[*].metadata.name}",
        '{range .items[*]}{.metadata.name}{"\\t"}{.spec.title}{"\\n"}{end}',
        '{.items[?(@.spec.title=="first")].metadata.name}',
        "{.items[0].spec.nodes}",
        "{.items[-1:].metadata.labels.odd}",
        "{.items[*]['metadata.name', 'spec.title']}",
    ):
        printed = cli("get", "awf", "-o", f"jsonpath={template}").stdout
        assert printed == kubectl("get", "awf", "-o", f"jsonpath={template}"), template
    newest = cli("get", "awf", "@latest", "-o", "jsonpath={.metadata.name}")
    assert newest.stdout == "c"


def test_apply_passes_other_kinds_and_lists_on(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "b"},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [TASK, config]}
    path = file(tmp_path, listed)
    assert cli("apply", "-f", path).stdout == "template/task created\nconfigmap/c created\n"
    assert cli("apply", "-f", path).stdout == "template/task unchanged\nconfigmap/c unchanged\n"
    assert kubectl.get("configmap", "c")["data"] == {"a": "b"}
    odd = {**config, "metadata": {"name": "d"}, "dtaa": {}}
    wrong = cli("apply", "-f", file(tmp_path, SHORT, odd))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "document 2: ConfigMap d: " in wrong.stderr


def test_a_dry_run_is_asked_of_the_server_and_stores_nothing(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    done = cli("run", "-f", file(tmp_path, TASK, SHORT), "--var", "count=1", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "template/task created (dry run)",
        "workflow/short created (dry run)",
    ]
    assert kubectl.get("awf")["items"] == kubectl.get("awfx")["items"] == []


def test_several_executions_are_deleted_with_their_uids(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(TASK, SHORT)
    for name in ("one", "two", "three"):
        cli("run", "short", "--var", "count=1", "--name", name)
    assert cli("delete", "one", "awfx/two", "--force").stdout == (
        "workflowexecution/one deleted, with its Jobs and pods\n"
        "workflowexecution/two deleted, with its Jobs and pods\n"
    )
    assert cli("get", "awfx", "-o", "name").stdout == "workflowexecution/three\n"


def test_pause_records_who_asked(cli: CommandLine, kubectl: Kubectl) -> None:
    kubectl.apply(workflow("slow", nodes=[{"name": "a", "delay": "1h"}]))
    cli("run", "slow", "--name", "mine")
    assert cli("pause", "@latest").returncode == 0
    fields = json.loads(kubectl("get", "awfx", "mine", "-o", "json", "--show-managed-fields"))
    managers = {entry["manager"] for entry in fields["metadata"]["managedFields"]}
    user = json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"]
    assert f"control-{user}" in managers


# Mistakes


def test_mistakes_are_one_line_and_never_a_traceback(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.apply(SHORT)
    broken = tmp_path / "broken"
    broken.write_text("clusters: {")
    nowhere = kubeconfig_of("http://127.0.0.1:1", tmp_path / "nowhere")
    table = {
        ("get", "awf", "shrot"): "there is no Workflow shrot in namespace",
        ("run", "shrot"): "did you mean 'short'?",
        ("get", "worfklows"): "there is no kind worfklows; did you mean 'workflows'?",
        ("get", "awf", "-o", "table"): "-o table: write json, yaml, name, wide or jsonpath=",
        ("watch", "nothing"): "there is no WorkflowExecution nothing",
        ("--context", "nope", "get", "awf"): "no usable kubeconfig",
        ("--kubeconfig", str(broken), "get", "awf"): "the kubeconfig cannot be read",
        ("--kubeconfig", "/nowhere", "get", "awf"): "no usable kubeconfig (/nowhere)",
        ("--kubeconfig", str(nowhere), "get", "awf"): "the API server at http://127.0.0.1:1 does",
        ("apply", "-f", "/nowhere"): "/nowhere: No such file or directory",
        ("run", "short", "--var", "count=three"): "integer expected, such as count=3",
    }
    for arguments, said in table.items():
        done = cli(*arguments)
        assert done.returncode == 2, arguments
        assert said in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments


def test_who_may_not_is_told_so(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("create", "serviceaccount", "nobody")
    token = kubectl("create", "token", "nobody").strip()
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = tmp_path / "nobody"
    path.write_text(yaml.safe_dump(config))
    done = CommandLine(path, kubectl.namespace)("get", "awf")
    assert done.returncode == 2
    account = f"{kubectl.namespace}:nobody"
    where = f"namespace {kubectl.namespace}"
    assert f"system:serviceaccount:{account} may not list workflows in {where}" in done.stderr
    assert f"--serviceaccount={account}" in done.stderr
    applied = CommandLine(path, kubectl.namespace)("apply", "-f", file(tmp_path, TASK))
    assert applied.returncode == 2
    assert "may not" in applied.stderr


def test_the_resources_it_prints_are_those_checked_in(cli: CommandLine) -> None:
    printed = {item["metadata"]["name"]: item for item in yaml.safe_load_all(cli("crds").stdout)}
    checked_in = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert printed == {item["metadata"]["name"]: item for item in checked_in}


@pytest.mark.usefixtures("operator")
def test_explain_says_why_each_node_stands_where_it_stands(
    cli: CommandLine, kubectl: Kubectl
) -> None:
    kubectl.apply(TWELVE_TASK, TWELVE)
    kubectl.create(execution("twelve", "run"))
    ended(kubectl, "run")
    lines = cli("explain", "run").stdout.splitlines()
    assert lines[0].startswith("run ended Succeeded after ")
    assert len(lines) == 13
    story = "\n".join(lines)
    assert "small was skipped: the outcome of big is Then, and the edge requires Else." in story
    assert "rescue handled it." in story
    assert "flaky ran because start succeeded, and succeeded after" in story
    one = cli("explain", "run", "never")
    assert one.stdout.startswith("never was skipped: the edge from broken requires Succeeded")
    wrong = cli("explain", "run", "nevr")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "error: run has no node nevr; did you mean 'never'?\n",
    )
    assert json.loads(cli("explain", "run", "-o", "json").stdout)["nodes"]["big"]
