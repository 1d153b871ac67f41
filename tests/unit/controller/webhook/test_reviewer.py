"""What is said of what people apply: refused, allowed with a warning, or allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from orchestrator.controller.webhook.review import ALLOWED, ReviewResponse, read_review
from orchestrator.controller.webhook.reviewer import Reviewer
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient
from orchestrator.models.base import API_VERSION
from orchestrator.operations.errors import CommandError
from orchestrator.operations.start import start_workflow
from orchestrator.process.offload import Offload
from orchestrator.session.checking import check_documents
from orchestrator.session.manifests import read_documents
from tests.admission_reviews import review
from tests.apiserver import ApiServer
from tests.builders import action, template

SPEC = template().model_dump(mode="json", by_alias=True, exclude_unset=True)
DEPLOY = {
    "nodes": [{"name": "d", "delay": "1s"}],
    "variables": [
        {"name": "count", "type": "integer", "required": True},
        {"name": "note", "type": "string"},
    ],
}


class Applying:
    """A reviewer, its caches, and what is asked of it."""

    def __init__(self, client: ApiClient, *namespaces: str) -> None:
        self.client = client
        self.workflows, self.templates, self.cluster_templates = Cache(), Cache(), Cache()
        self.reviewer = Reviewer(
            self.workflows,
            self.templates,
            self.cluster_templates,
            client,
            namespaces=namespaces,
        )

    async def __call__(self, kind: str, name: str, spec: Any, **changed: Any) -> ReviewResponse:
        return await self.reviewer.review(read_review(review(kind, name, spec, **changed)))

    @property
    def reads(self) -> int:
        """Requests sent to the API server."""
        return sum(self.client.requests.values())


@pytest.fixture
def applying(client: ApiClient) -> Applying:
    return Applying(client)


def task(generation: int = 1, **changed: Any) -> Raw:
    metadata = {"name": "task", "uid": "t", "generation": generation}
    return {"metadata": metadata, "spec": {**SPEC, **changed}}


async def test_a_valid_workflow_is_allowed_without_a_read(applying: Applying) -> None:
    applying.cluster_templates.put(task())
    assert await applying("Workflow", "w", {"nodes": [action("a")]}) == ALLOWED
    assert applying.reads == 0


async def test_every_problem_is_a_line_as_apply_reports_it(
    server: ApiServer, applying: Applying, tmp_path: Path
) -> None:
    spec = {
        "nodes": [
            action("a", **{"with": {"txet": "x", "count": "many"}}),
            {"name": "b", "condition": "nodes.a.outputs.vlaue > 1"},
        ],
        "edges": [{"from": "a", "to": "b"}],
    }
    server.objects["clustertemplates", "", "task"] = task()
    applying.cluster_templates.put(task())
    verdict = await applying("Workflow", "w", spec)
    manifests = [
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": each}
        for kind, name, each in (("Workflow", "w", spec), ("ClusterTemplate", "task", SPEC))
    ]
    (tmp_path / "w.yaml").write_text(yaml.safe_dump_all(manifests, sort_keys=False))
    documents, _ = read_documents([str(tmp_path / "w.yaml")])
    where = f"{tmp_path}/w.yaml: document 1: "
    said = [line.removeprefix(where) for line in check_documents(documents, None).problems]
    assert len(said) == 3
    assert verdict == ReviewResponse("\n".join(said))


async def test_an_action_that_is_not_there_yet_is_a_warning(applying: Applying) -> None:
    applying.cluster_templates.put(task())
    verdict = await applying("Workflow", "w", {"nodes": [{"name": "a", "action": "tsak"}]})
    assert verdict.refusal == ""
    (warning,) = verdict.warnings
    assert warning.startswith(
        "Workflow w: spec.nodes[0].action: there is no ClusterTemplate 'tsak'"
    )
    assert "'task'" in warning


async def test_what_else_is_wrong_is_refused_though_an_action_is_missing(
    applying: Applying,
) -> None:
    spec = {"nodes": [action("a"), {"name": "b", "condition": "1 +"}]}
    verdict = await applying("Workflow", "w", spec)
    lines = [line.split(": ")[1] for line in verdict.refusal.splitlines()]
    assert lines == ["spec.nodes[0].action", "spec.nodes[1].condition"]
    assert verdict.warnings == ()


async def test_what_is_valid_and_probably_not_meant_is_a_warning(
    server: ApiServer, applying: Applying
) -> None:
    server.objects["clustertemplates", "", "task"] = task()
    applying.cluster_templates.put(task())
    nodes = [action("a", **{"with": {"text": "{{ vars.note }}"}})]
    spec = {"nodes": nodes, "variables": DEPLOY["variables"]}
    verdict = await applying("Workflow", "w", spec)
    assert verdict.refusal == ""
    assert verdict.warnings[0].startswith("Workflow w: spec.nodes[0].with.text: ")


async def test_a_sub_workflow_is_read_where_the_cache_lacks_it(
    server: ApiServer, applying: Applying
) -> None:
    node = {"name": "child", "workflow": {"name": "deploy", "variables": {"cuont": 1}}}
    (absent,) = (await applying("Workflow", "w", {"nodes": [node]})).warnings
    assert absent.startswith("Workflow w: spec.nodes[0].workflow.name: there is no Workflow")
    await server.put("workflows", "a", "deploy", spec=DEPLOY)
    refusal = (await applying("Workflow", "w", {"nodes": [node]})).refusal
    assert "spec.nodes[0].workflow.variables.cuont: " in refusal
    assert "spec.nodes[0].workflow.variables.count: " in refusal


async def test_a_trigger_of_a_workflow_that_was_applied_a_moment_ago_has_no_warning(
    server: ApiServer, applying: Applying
) -> None:
    applying.workflows.put(await server.put("workflows", "a", "deploy", spec=DEPLOY))
    trigger = {
        "workflow": "deplyo",
        "schedule": {"cron": "0 3 * * *"},
        "variables": {"count": 2},
    }
    (warning,) = (await applying("Trigger", "t", trigger)).warnings
    assert warning.startswith("Trigger t: spec.workflow: there is no Workflow 'deplyo'")
    assert "'deploy'" in warning
    await server.put("workflows", "a", "deplyo", spec=DEPLOY)
    assert await applying("Trigger", "t", trigger) == ALLOWED


async def test_a_template_that_the_cache_does_not_have_yet_is_read(
    server: ApiServer, applying: Applying
) -> None:
    server.objects["templates", "a", "own"] = {
        "metadata": {"uid": "o", "generation": 1},
        "spec": SPEC,
    }
    spec = {"nodes": [{"name": "own", "action": "local/own", "with": {"text": "x"}}]}
    assert await applying("Workflow", "w", spec) == ALLOWED


async def test_a_cache_that_is_behind_refuses_nothing(
    server: ApiServer, applying: Applying
) -> None:
    applying.cluster_templates.put(task())
    newer = {"name": "colour", "type": "string"}
    server.objects["clustertemplates", "", "task"] = task(
        2, parameters=[*SPEC["parameters"], newer]
    )
    spec = {"nodes": [action("a", **{"with": {"colour": "red"}})]}
    assert await applying("Workflow", "w", spec) == ALLOWED


async def test_a_template_of_a_newer_release_leaves_its_users_to_the_operator(
    applying: Applying,
) -> None:
    applying.cluster_templates.put(task(futureField=1))
    spec = {"nodes": [action("a", **{"with": {"colour": "red"}})]}
    assert await applying("Workflow", "w", spec) == ALLOWED


async def test_templates_and_triggers_are_reviewed(applying: Applying) -> None:
    verdict = await applying("ClusterTemplate", "t", {"action": {}, "outputs": []}, namespace=None)
    assert verdict.warnings == ()
    verdict = await applying("Trigger", "t", {"workflow": "w", "schedule": {"cron": "61 * * * *"}})
    assert verdict.refusal.startswith("Trigger t: spec.schedule.cron: ")


async def test_the_actions_of_a_template_of_a_whole_workflow_are_looked_up(
    server: ApiServer, applying: Applying
) -> None:
    nodes = [{"name": "shared", "action": "tsak"}, {"name": "own", "action": "local/own"}]
    whole = {"workflow": {"nodes": nodes}}
    verdict = await applying("Template", "t", whole)
    assert [text.split(": ")[1] for text in verdict.warnings] == [
        "spec.workflow.nodes[0].action",
        "spec.workflow.nodes[1].action",
    ]
    verdict = await applying("ClusterTemplate", "t", whole, namespace=None)
    assert [text.split(": ")[1] for text in verdict.warnings] == ["spec.workflow.nodes[0].action"]
    server.objects["clustertemplates", "", "tsak"] = task()
    assert await applying("ClusterTemplate", "t", whole, namespace=None) == ALLOWED


async def test_a_workflow_whose_name_is_no_label_is_refused(applying: Applying) -> None:
    verdict = await applying("Workflow", "a.b", DEPLOY)
    assert verdict.refusal.startswith("Workflow a.b: metadata.name: ")


async def test_other_namespaces_than_its_own_are_not_reviewed(client: ApiClient) -> None:
    applying = Applying(client, "shop")
    wrong = {"nodes": [{"name": "b", "condition": "1 +"}]}
    assert await applying("Workflow", "w", wrong, namespace="other") == ALLOWED
    assert (await applying("Workflow", "w", wrong, namespace="shop")).refusal


async def test_kinds_and_operations_that_are_not_ours_are_allowed(applying: Applying) -> None:
    wrong = {"nodes": [{"name": "b", "condition": "1 +"}]}
    assert await applying("Workflow", "w", wrong, operation="DELETE") == ALLOWED
    assert await applying("Surprise", "w", wrong) == ALLOWED


async def test_an_api_server_that_does_not_answer_is_a_warning(
    server: ApiServer, applying: Applying
) -> None:
    server.faults.append(web.json_response({"message": "no"}, status=403))
    verdict = await applying("Workflow", "w", {"nodes": [action("a")]})
    assert verdict.refusal == ""
    assert verdict.warnings[0].startswith("this was not checked when it was applied: ")


# Executions


async def test_variables_that_the_workflow_does_not_take_are_refused(
    server: ApiServer, applying: Applying
) -> None:
    applying.workflows.put(await server.put("workflows", "a", "deploy", spec=DEPLOY))
    given = {"count": "many", "note": 5}
    verdict = await applying("WorkflowExecution", "x", {"workflow": "deploy", "variables": given})
    workflow = {"metadata": {"name": "deploy"}, "spec": DEPLOY}
    with pytest.raises(CommandError) as refused:
        start_workflow(workflow, given, requester="ana")
    assert verdict == ReviewResponse(refused.value.words)
    assert verdict.refusal.count("\n") == 2


async def test_an_execution_that_can_start_is_allowed_without_a_read(
    server: ApiServer, applying: Applying
) -> None:
    applying.workflows.put(await server.put("workflows", "a", "deploy", spec=DEPLOY))
    given = {"workflow": "deploy", "variables": {"count": 2}}
    assert await applying("WorkflowExecution", "x", given) == ALLOWED
    assert applying.reads == 0


async def test_a_workflow_that_was_applied_a_moment_ago_is_read(
    server: ApiServer, applying: Applying
) -> None:
    applying.workflows.put(await server.put("workflows", "a", "deploy", spec=DEPLOY))
    await server.put("workflows", "a", "deploy", spec={"nodes": DEPLOY["nodes"]})
    assert await applying("WorkflowExecution", "x", {"workflow": "deploy"}) == ALLOWED


async def test_a_workflow_that_is_not_there_yet_is_a_warning(applying: Applying) -> None:
    verdict = await applying("WorkflowExecution", "x", {"workflow": "deploy"})
    assert verdict == ReviewResponse(
        warnings=(
            "WorkflowExecution x: spec.workflow: there is no Workflow 'deploy' in this namespace;"
            " the execution waits 60 seconds for it",
        )
    )


async def test_a_workflow_that_nothing_starts_or_that_is_not_valid_is_refused(
    server: ApiServer, applying: Applying
) -> None:
    nodes = DEPLOY["nodes"]
    await server.put("workflows", "a", "off", spec={"nodes": nodes, "state": "Inactive"})
    ready = {"type": "Ready", "status": "False", "observedGeneration": 1}
    ready |= {"reason": "InvalidSpec", "message": "spec.nodes[0].delay: is wrong"}
    status = {"conditions": [ready]}
    await server.put("workflows", "a", "wrong", spec={"nodes": nodes}, status=status)
    assert (await applying("WorkflowExecution", "x", {"workflow": "off"})).refusal == (
        "Workflow off is Inactive and cannot be started; set spec.state to Active"
    )
    assert (await applying("WorkflowExecution", "x", {"workflow": "wrong"})).refusal == (
        "Workflow wrong is not valid, so nothing was started:\n  spec.nodes[0].delay: is wrong"
    )


async def test_a_rerun_takes_the_variables_of_the_first_run(
    server: ApiServer, applying: Applying
) -> None:
    await server.put("workflows", "a", "deploy", spec=DEPLOY)
    rerun = {"workflow": "deploy", "rerunOf": {"name": "x", "from": ["d"]}}
    assert await applying("WorkflowExecution", "y", rerun) == ALLOWED


async def test_what_the_operator_creates_itself_is_not_reviewed(applying: Applying) -> None:
    child = {"workflow": "deploy", "parent": {"name": "x", "uid": "u", "node": "own", "depth": 1}}
    assert await applying("WorkflowExecution", "y", child) == ALLOWED
    assert applying.reads == 0


async def test_a_large_workflow_is_judged_in_a_thread(client: ApiClient) -> None:
    offload = Offload(rest=lambda _: None, threads=1)
    caches = Cache(), Cache(), Cache()
    reviewer = Reviewer(*caches, client, offload=offload)
    nodes = [{"name": f"n{number}", "condition": "1 +"} for number in range(300)]
    verdict = await reviewer.review(read_review(review("Workflow", "w", {"nodes": nodes})))
    offload.stop()
    assert offload.moved
    assert verdict.refusal.count("\n") == 49
