"""The admission webhook on a real API server: `kubectl apply` reports what `orchestrator apply`
reports, and nothing rests on it."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.credentials import write_credentials
from tests.cluster.invalid_manifests import MISTAKES, Reporter
from tests.cluster.twelve_node_workflow import TASK, task
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, Operator, eventually, execution, manifest, workflow

MISSPELT = "a field misspelt"
"""The one mistake that the API server refuses before it reads the schema's rules."""
_DENIED = re.compile(r'admission webhook "[^"]+" denied the request: (.*)', re.DOTALL)
VARIABLES = [
    {"name": "name", "type": "string", "required": True, "pattern": "[a-z]+"},
    {"name": "count", "type": "integer", "default": 1, "maximum": 5},
]


@dataclass(frozen=True)
class Reviewed:
    """A namespace whose manifests are reviewed, and the operator that reviews them."""

    kubectl: Kubectl
    operator: Operator
    cli: CommandLine

    def apply(self, raw: dict[str, Any], *options: str) -> tuple[int, list[str], list[str]]:
        """By kubectl: exit code, the webhook's refusal or else all that it says, and warnings."""
        done = self.kubectl.attempt("apply", *options, "-f", "-", stdin=json.dumps(raw))
        lines = done.stderr.splitlines()
        warnings = [line.removeprefix("Warning: ") for line in lines if _warns(line)]
        rest = "\n".join(line for line in lines if not _warns(line))
        denied = _DENIED.search(rest)
        return done.returncode, (denied[1] if denied else rest).splitlines(), warnings

    def apply_by_cli(self, raw: dict[str, Any]) -> tuple[int, list[str]]:
        """By orchestrator: exit code, and what it says, without the place in the file."""
        done = self.cli("apply", "--dry-run", "server", "-f", "-", stdin=json.dumps(raw))
        prefix = "standard input: document 1: "
        return done.returncode, [line.removeprefix(prefix) for line in done.stderr.splitlines()]


def _warns(line: str) -> bool:
    return line.startswith("Warning: ")


@pytest.fixture(scope="module")
def reviewed(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reviewed]:
    """An operator with its webhook, as the shipped configuration has it, but by its address."""
    folder = tmp_path_factory.mktemp("webhook")
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    write_credentials(folder, ["127.0.0.1"], server="https://unused", inner="")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    configuration = _configuration(kubectl.namespace, address, folder / "ca.crt")
    operator = Operator(
        account,
        folder / "log",
        f"--namespace={kubectl.namespace}",
        f"--webhook={address}",
        f"--webhook-certificate={folder / 'apiserver.crt'}",
        f"--webhook-key={folder / 'apiserver.key'}",
    )
    kubectl.apply(TASK, workflow("greet", nodes=[task("only")], variables=VARIABLES), configuration)
    operator.start()
    found = Reviewed(kubectl, operator, CommandLine(kubeconfig, kubectl.namespace))
    try:
        eventually(lambda: _reviews(found))
        yield found
    finally:
        operator.stop()
        kubectl("delete", configuration["kind"], configuration["metadata"]["name"])


def _configuration(namespace: str, address: str, authority: Path) -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load(
        (ROOT / "manifests/webhook/configuration.yaml").read_text()
    )
    raw["metadata"] = {"name": f"itechsmart-workflow-{namespace}"}
    for webhook in raw["webhooks"]:
        path = webhook["clientConfig"]["service"]["path"]
        webhook["clientConfig"] = {
            "url": f"https://{address}{path}",
            "caBundle": base64.b64encode(authority.read_bytes()).decode(),
        }
        webhook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return raw


def _reviews(reviewed: Reviewed) -> bool:
    """Whether both webhooks are asked by now, and answer."""
    wrong = (
        MISTAKES["one equals sign"].manifest,
        execution("greet", "wrong", variables={"name": "A-1"}),
    )
    answers = [reviewed.apply(raw, "--dry-run=server") for raw in wrong]
    return all(code != 0 for code, _, _ in answers)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_kubectl_apply_reports_is_what_orchestrator_apply_reports(
    reviewed: Reviewed, name: str
) -> None:
    mistake = MISTAKES[name]
    code, said, warnings = reviewed.apply(mistake.manifest)
    cli_code, cli_said = reviewed.apply_by_cli(mistake.manifest)
    assert any(f" {mistake.path}" in line for line in cli_said)
    match mistake.reporter:
        case Reporter.WEBHOOK:
            assert cli_code == 2
            assert (code, said, warnings) == (1, cli_said, [])
        case Reporter.WARNING:
            assert cli_code == 2
            assert (code, said, warnings) == (0, [], cli_said)
        case Reporter.ADVICE:
            assert cli_code == 0
            advice = [line.replace(": warning: ", ": ", 1) for line in cli_said]
            assert (code, said, warnings) == (0, [], advice)
        case Reporter.SCHEMA:
            assert (code, cli_code) == (1, 2)
            assert mistake.path in "\n".join(said)
            assert warnings == []
            if name != MISSPELT:
                message = cli_said[0].partition(f" {mistake.path}")[2].partition(": ")[2]
                assert message
                assert message in "\n".join(said)


def test_an_execution_is_refused_in_the_words_of_run(reviewed: Reviewed) -> None:
    given = {"name": "A-1", "count": 6}
    code, said, _ = reviewed.apply(execution("greet", "wrong", variables=given))
    assignments = [f"--var={name}={value}" for name, value in given.items()]
    done = reviewed.cli("run", "greet", *assignments)
    assert (code, done.returncode) == (1, 2)
    assert done.stderr.removeprefix("error: ").splitlines() == said
    assert len(said) == 3


def test_a_workflow_applied_before_its_template_is_allowed_and_becomes_ready(
    reviewed: Reviewed,
) -> None:
    raw = workflow("early", nodes=[{"name": "only", "action": "local/late"}])
    code, _, warnings = reviewed.apply(raw)
    assert code == 0
    assert warnings[0].startswith("Workflow early: spec.nodes[0].action: ")
    reviewed.kubectl.apply(manifest("Template", "late", TASK["spec"]))

    def ready() -> bool:
        conditions = reviewed.kubectl.get("awf", "early")["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    eventually(ready)


def test_what_is_applied_in_one_go_is_never_refused_for_its_order(reviewed: Reviewed) -> None:
    """The cache that the review starts from lags behind each of these writes."""
    template: dict[str, Any] = json.loads(json.dumps(TASK))
    template["metadata"]["name"] = "growing"
    for number in range(10):
        parameter = f"p{number}"
        template["spec"]["parameters"].append({"name": parameter, "type": "string"})
        node = {"name": "only", "action": "local/growing", "with": {parameter: "x"}}
        variables = [{"name": parameter, "type": "string"}]
        documents = [
            template,
            workflow("grows", nodes=[node], variables=variables),
            execution("grows", f"grows-{number}", variables={parameter: "x"}),
        ]
        text = yaml.safe_dump_all(documents)
        reviewed.kubectl("apply", "--server-side", "-f", "-", stdin=text)


def test_a_wrong_workflow_can_still_be_labelled(reviewed: Reviewed) -> None:
    wrong = MISTAKES["one equals sign"].manifest
    reviewed.operator.stop()
    try:
        reviewed.apply({**wrong, "metadata": {"name": "labelled"}})
    finally:
        reviewed.operator.start()
    eventually(lambda: _reviews(reviewed))
    reviewed.kubectl("label", "awf", "labelled", "team=sre")
    code, _, _ = reviewed.apply({**wrong, "metadata": {"name": "labelled"}, "spec": _other(wrong)})
    assert code == 1


def _other(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw["spec"], "title": "Another one"}


def test_nothing_rests_on_it(reviewed: Reviewed) -> None:
    """While no operator runs, manifests are stored at once, and judged afterwards."""
    reviewed.operator.stop()
    try:
        began = time.monotonic()
        raw = {**MISTAKES["one equals sign"].manifest, "metadata": {"name": "unreviewed"}}
        assert reviewed.apply(raw)[0] == 0
        assert time.monotonic() - began < 5
    finally:
        reviewed.operator.start()

    def stalled() -> bool:
        status = reviewed.kubectl.get("awf", "unreviewed").get("status", {})
        return any(
            each["type"] == "Stalled" and each["status"] == "True"
            for each in status.get("conditions", ())
        )

    eventually(stalled)
