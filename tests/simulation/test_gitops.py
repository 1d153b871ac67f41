"""What Argo CD and Flux show of our objects, asked of their own packages, and Argo CD's actions."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.kube.client import Raw
from tests.commandline import CommandLine
from tests.documentation import DOCS
from tests.gitops.program import ask, expressions, manifests_of, refusal, settings
from tests.kube import ROOT
from tests.simulation import gitops_states
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import TERMINAL, manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.virtual_time import VirtualLoop

ACCOUNT = "system:serviceaccount:argocd:argocd-server"
MANIFESTS = ROOT / "manifests/gitops"
PAGE = DOCS / "how-to/gitops.md"
VARIABLES = [
    {"name": "service", "type": "string", "required": True},
    {"name": "attempts", "type": "integer", "default": 3},
    {"name": "ratio", "type": "number"},
    {"name": "dry", "type": "boolean"},
    {"name": "hosts", "type": "list"},
    {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
]


@pytest.fixture(scope="module")
def states() -> dict[str, dict[str, Raw]]:
    """The objects by kind and state."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(gitops_states.states())


def health(*objects: Raw) -> Any:
    return ask("health", configMap=settings(), objects=objects)


def flux(*objects: Raw) -> Any:
    return ask("flux", expressions=expressions(), objects=objects)


def offered(*objects: Raw) -> list[dict[str, Raw]]:
    """The actions on each object that are not greyed out."""
    found = ask("discover", configMap=settings(), objects=objects)
    return [
        {each["name"]: each for each in actions if not each.get("disabled")} for actions in found
    ]


def act(raw: Raw, action: str, **parameters: str) -> Raw:
    """The one request that an action leads to."""
    (request,) = ask("act", configMap=settings(), object=raw, action=action, parameters=parameters)
    return dict(request)


def refused(raw: Raw, action: str, **parameters: str) -> str:
    asked = {"configMap": settings(), "object": raw, "action": action, "parameters": parameters}
    return refusal("act", **asked)


def table(states: Mapping[str, Mapping[str, Raw]]) -> str:
    """The table of states as the documentation has it."""
    rows = [(kind, state, raw) for kind, each in states.items() for state, raw in each.items()]
    objects = [raw for *_, raw in rows]
    argocd, by_flux = health(*objects), flux(*objects)
    actions = [" ".join(each) for each in offered(*objects)]
    lines = [
        "| Kind | State | Argo CD | with the message | and the actions | Flux |",
        "|---|---|---|---|---|---|",
    ]
    for (kind, state, _), shown, action, ready in zip(rows, argocd, actions, by_flux, strict=True):
        assert not shown.get("error"), (kind, state, shown)
        cells = (kind, state, shown["status"], shown["message"], action, ready["status"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_documentation_has_the_table_of_states(states: dict[str, dict[str, Raw]]) -> None:
    expected = table(states)
    assert expected in PAGE.read_text(encoding="utf-8"), f"{PAGE} is out of date:\n{expected}"


def test_every_phase_of_an_execution_is_in_the_table(states: dict[str, dict[str, Raw]]) -> None:
    phases = {
        (raw.get("status") or {}).get("phase") for raw in states["WorkflowExecution"].values()
    }
    ended = set(TERMINAL)
    assert phases == {None, "Queued", "Pending", "Running", "Paused", *ended}


def test_a_hook_or_a_gate_goes_on_after_a_success_only(states: dict[str, dict[str, Raw]]) -> None:
    executions = states["WorkflowExecution"].values()
    argocd, by_flux = health(*executions), flux(*executions)
    for raw, shown, ready in zip(executions, argocd, by_flux, strict=True):
        phase = (raw.get("status") or {}).get("phase")
        assert (shown["status"] == "Healthy") is (phase == "Succeeded"), shown
        assert (shown["status"] == "Degraded") is (phase in TERMINAL and phase != "Succeeded")
        assert ready["status"] != "Current" or phase == "Succeeded", ready


def test_of_many_pending_approvals_five_are_named(states: dict[str, dict[str, Raw]]) -> None:
    raw = json.loads(json.dumps(states["WorkflowExecution"]["Running, only an approval pending"]))
    record = raw["status"]["nodes"].pop("agree")
    raw["status"]["nodes"] = {f"n{number:04}": record for number in range(2000)}
    (shown,) = health(raw)
    assert shown["status"] == "Suspended"
    assert shown["message"].startswith("n0000: ")
    assert shown["message"].endswith("; and 1995 more")
    assert shown["message"].count(record["message"]) == 5


def test_argo_cd_offers_no_action_that_approves(states: dict[str, dict[str, Raw]]) -> None:
    objects = [raw for each in states.values() for raw in each.values()]
    names = {name for each in offered(*objects) for name in each}
    assert names == {"run", "cancel", "rerun"}


def test_cancel_asks_for_nothing_but_the_end(states: dict[str, dict[str, Raw]]) -> None:
    for state in gitops_states.ACTIVE.values():
        request = act(states["WorkflowExecution"][state], "cancel")
        assert request == {"operation": "patch", "body": {"spec": {"desiredState": "Cancelled"}}}


def test_cancel_needs_values_that_lua_can_hold(states: dict[str, dict[str, Raw]]) -> None:
    """Argo CD's Lua drops nulls, so that its patch would remove them from the status, which only
    the operator may write: the documentation names `orchestrator cancel`."""
    raw = json.loads(json.dumps(states["WorkflowExecution"]["Running"]))
    raw["status"]["nodes"]["work"]["outputs"] = {"value": None}
    body = act(raw, "cancel")["body"]
    assert body["status"] == {"nodes": {"work": {"outputs": {"value": None}}}}


async def _played(workflow: Raw, execution: Raw, *earlier: Raw) -> Raw:
    """An execution once the operator has ended it; earlier ones are stored as they are."""
    store = store_with(workflow, script=lambda *_: Outcome("success", 2.0, 5))
    for raw in earlier:
        store.objects["workflowexecutions", NAMESPACE, raw["metadata"]["name"]] = raw
    made = store.create("workflowexecutions", NAMESPACE, execution)
    key = ("workflowexecutions", NAMESPACE, made["metadata"]["name"])
    async with running_operator(store, FaultyTransport(store)), asyncio.timeout(600):
        while True:
            raw = store.objects[key]
            if (raw.get("status") or {}).get("phase") in TERMINAL:
                return raw
            await asyncio.sleep(0.5)


async def test_run_creates_an_execution_in_the_name_of_argo_cd() -> None:
    nodes = [{"name": "work", "action": "local/task", "with": {"text": "$[[ vars.service ]]"}}]
    spec = {"nodes": nodes, "variables": VARIABLES}
    workflow = manifest("Workflow", "main", spec)
    stored = {**workflow, "metadata": {"name": "main", "namespace": NAMESPACE, "generation": 1}}
    (actions,) = offered(stored)
    assert actions["run"]["params"] == [
        {"name": name} for name in ("service", "attempts", "ratio", "dry")
    ]
    request = act(stored, "run", service="shop", attempts="5", ratio="0.5", dry="true")
    assert request["operation"] == "create"
    assert request["body"]["metadata"] == {"generateName": "main-", "namespace": NAMESPACE}
    assert request["body"]["spec"] == {
        "workflow": "main",
        "requester": ACCOUNT,
        "variables": {"service": "shop", "attempts": 5, "ratio": 0.5, "dry": True},
    }
    ended = await _played(workflow, request["body"])
    assert ended["status"]["phase"] == "Succeeded"
    assert ended["status"]["variables"] == {
        "service": "shop", "attempts": 5, "ratio": 0.5, "dry": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "spec.variables.service: a value is required"),
        ({"service": "shop", "attempts": "many"}, "spec.variables.attempts: many is no integer"),
        ({"service": "shop", "attempts": "1.5"}, "spec.variables.attempts: 1.5 is no integer"),
        ({"service": "shop", "ratio": "half"}, "spec.variables.ratio: half is no number"),
        ({"service": "shop", "dry": "yes"}, "spec.variables.dry: yes is no boolean"),
    ],
)
def test_run_names_the_variable_that_is_wrong(parameters: dict[str, str], message: str) -> None:
    raw = manifest("Workflow", "main", {"nodes": [], "variables": VARIABLES})
    assert message in refused(raw, "run", **parameters)


def test_a_workflow_that_needs_what_text_cannot_give_is_not_run() -> None:
    hosts = {"name": "hosts", "type": "list", "required": True}
    raw = manifest("Workflow", "main", {"nodes": [], "variables": [hosts]})
    assert offered(raw) == [{}]
    assert "orchestrator run main --var hosts=VALUE" in refused(raw, "run")


async def test_rerun_begins_again_where_the_execution_failed(
    states: dict[str, dict[str, Raw]],
) -> None:
    failed = states["WorkflowExecution"]["Failed"]
    request = act(failed, "rerun")
    assert request["operation"] == "create"
    assert request["body"]["spec"] == {
        "workflow": "valid",
        "requester": ACCOUNT,
        "rerunOf": {"name": "fails", "from": ["work"]},
    }


def test_rerun_says_why_it_cannot(states: dict[str, dict[str, Raw]]) -> None:
    executions = states["WorkflowExecution"]
    assert "running is Running; only an ended execution" in refused(executions["Running"], "rerun")
    assert "spec.rerunOf.from: no node of succeeds failed" in refused(
        executions["Succeeded"], "rerun"
    )


def test_the_examples_are_what_argo_cd_and_flux_accept() -> None:
    objects = [
        each
        for folder in ("argocd", "flux")
        for each in manifests_of(MANIFESTS / folder)
        if each["apiVersion"].partition("/")[0].endswith(("argoproj.io", "toolkit.fluxcd.io"))
    ]
    kinds = {each["kind"] for each in objects}
    assert kinds == {"Application", "AppProject", "GitRepository", "Kustomization"}
    assert ask("validate", objects=objects) == [""] * len(objects)
    (problem,) = ask("validate", objects=[{**objects[0], "spec": {"projects": "default"}}])
    assert 'unknown field "projects"' in problem


def test_the_workflows_of_the_examples_are_valid() -> None:
    folders = [str(MANIFESTS / "example" / name) for name in ("workflows", "presync", "gate")]
    done = CommandLine(Path("/nonexistent"))("lint", *(f"-f{folder}" for folder in folders))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_name_folders_that_exist() -> None:
    text = "".join(file.read_text() for file in MANIFESTS.glob("*/*.yaml"))
    paths = re.findall(r"^ +path: (?:\./)?(\S+)$", text, re.MULTILINE)
    assert len(paths) > 5
    assert not [path for path in paths if not (ROOT / path).is_dir()]
