"""The workflow templates for incidents run to their end with real pods, also on a rejection."""

from __future__ import annotations

from typing import Any

from dev.cluster.images import BUSYBOX_IMAGE
from dev.images import name as image_name
from tests.commandline import CommandLine
from tests.e2e.environment import Environment, application
from tests.kube import ended, phases
from tests.vendors import jira

CRASHES = "echo no configuration; exit 3"


def respond(env: Environment, verb: str, *commands: str) -> dict[str, Any]:
    """An execution of incident-response in which Ana has decided."""
    for command in commands:
        env.kubectl.apply(*application(image_name(), command))
    name = env.start("incident-response", alert="web is slow")
    env.decide(name, verb)
    return ended(env.kubectl, name, 300)


def test_an_incident_is_resolved_after_an_approval_and_escalated_without(
    templates: Environment,
) -> None:
    site, kubectl = templates.site, templates.kubectl
    kubectl.apply(*application(image_name()))
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    templates.make(
        "incident-response", deployment="web", url="http://web/", approvers="sre",
        slackChannel="#ops", slackApi=site.slack.api, jiraUrl=site.jira.url,
        jiraUser=jira.USER, page="true", pagerDutyUrl=site.pagerduty.url,
    )  # fmt: skip
    raw = respond(templates, "approve")
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    expected = dict.fromkeys(raw["status"]["nodes"], "Succeeded")
    assert phases(raw) == expected | {"escalate": "Skipped", "unresolved": "Skipped"}
    assert templates.incident(raw)["state"] == "Resolved"
    told, asked = site.slack.messages[-2:]
    assert told.text.startswith("High: web is slow (incident ")
    assert asked.text == "Restart web?"
    raw = respond(templates, "reject")
    assert raw["status"]["phase"] == "Failed"
    incident = templates.incident(raw)
    assert (incident["severity"], incident["escalation"]) == ("Critical", "on-call")
    assert phases(raw)["restart"] == "Skipped"


def test_a_crash_loop_is_rolled_back_or_made_a_ticket(templates: Environment) -> None:
    site, kubectl = templates.site, templates.kubectl
    kubectl.apply(*application(BUSYBOX_IMAGE))
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    kubectl.apply(*application(image_name(), CRASHES))
    shared = {"deployment": "web", "approvers": "sre", "jiraUrl": site.jira.url}
    templates.make("crashloop-triage", **shared, jiraUser=jira.USER)
    name = templates.start("crashloop-triage")
    templates.decide(name)
    raw = ended(kubectl, name, 300)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert templates.incident(raw)["state"] == "Resolved"
    assert phases(raw)["ticket"] == "Skipped"
    kubectl.apply(*application(BUSYBOX_IMAGE, CRASHES))
    raw = templates.run("crashloop-triage")
    assert raw["status"]["phase"] == "Failed"
    nodes = phases(raw)
    assert (nodes["approve"], nodes["ticket"], nodes["escalate"]) == (
        "Skipped", "Succeeded", "Succeeded",
    )  # fmt: skip


def test_a_node_is_uncordoned_if_it_recovers_and_drained_after_an_approval_if_not(
    templates: Environment,
) -> None:
    site, kubectl = templates.site, templates.kubectl
    for action in ("cordon", "uncordon", "drain", "wait-for"):
        granted = CommandLine(kubectl.kubeconfig, kubectl.namespace)("grant", action, "--offline")
        kubectl("apply", "-f", "-", stdin=granted.stdout)
    templates.make(
        "node-not-ready", approvers="sre", recoveryTimeout="2s", pagerDutyUrl=site.pagerduty.url
    )
    fake = kubectl("get", "nodes", "-l", "type=fake", "-o", "name").split()[0].removeprefix("node/")
    raw = templates.run("node-not-ready", node=fake)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert phases(raw)["uncordon"] == "Succeeded"
    assert "unschedulable" not in kubectl.get("node", fake)["spec"]
    silent = f"node-of-{kubectl.namespace}"
    kubectl.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": silent}})
    name = templates.start("node-not-ready", node=silent)
    templates.decide(name)
    raw = ended(kubectl, name, 300)
    assert raw["status"]["phase"] == "Failed"
    assert f"node {silent} is drained and cordoned" in raw["status"]["message"]
    assert phases(raw)["page"] == "Succeeded"
    assert kubectl.get("node", silent)["spec"]["unschedulable"] is True
    kubectl("delete", "node", silent)
