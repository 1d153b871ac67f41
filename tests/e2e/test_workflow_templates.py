"""The shipped workflow templates run to their end with real pods, also where something fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.api import Cluster
from dev.cluster.images import BUSYBOX_IMAGE
from dev.images import name as image_name
from tests.conftest import fresh_namespace
from tests.e2e.environment import Environment, application
from tests.kube import Kubectl, ended, phases
from tests.prometheus import Prometheus, scraping
from tests.vendors import jenkins
from tests.vendors.jenkins import Job


def test_a_disk_is_freed_or_its_incident_escalated(templates: Environment, tmp_path: Path) -> None:
    server = templates.site.ssh
    over_ssh = {
        "user": server.user, "port": server.port, "knownHosts": server.known_hosts,
        "cleanup": f"echo freed > {tmp_path}/freed",
    }  # fmt: skip
    templates.make("disk-full", **over_ssh, usedBelow=100)
    raw = templates.run("disk-full", host=server.host)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert templates.incident(raw)["state"] == "Resolved"
    assert (tmp_path / "freed").read_text() == "freed\n"
    templates.kubectl("delete", "workflow", "disk-full")
    templates.make("disk-full", **over_ssh, usedBelow=1)
    raw = templates.run("disk-full", host=server.host)
    assert raw["status"]["phase"] == "Failed"
    assert "still full" in raw["status"]["message"]
    incident = templates.incident(raw)
    assert (incident["state"], incident["escalation"]) == ("Open", "on-call")


def test_a_service_is_restarted_or_an_incident_opened(templates: Environment) -> None:
    server, units = templates.site.ssh, templates.site.units
    port = server.port + 1
    page = f"{units.variables['XDG_RUNTIME_DIR']}/healthz"
    units.define(
        "shop",
        f"ExecStartPre=/bin/touch {page}\n"
        f"ExecStart=/usr/bin/python3 -m http.server -b {server.host} -d {Path(page).parent} {port}",
    )
    units.define("stubborn", "ExecStart=/bin/sleep 1000")
    shared = {
        "url": f"http://{server.host}:{port}/healthz", "host": server.host, "port": server.port,
        "user": server.user, "knownHosts": server.known_hosts, "manager": "user",
        "slackChannel": "#ops", "slackApi": templates.site.slack.api,
    }  # fmt: skip
    templates.make("server-health-check", **shared, unit="shop")
    raw = templates.run("server-health-check")
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert phases(raw)["check_again"] == "Succeeded"
    assert "open" not in {name for name, phase in phases(raw).items() if phase == "Succeeded"}
    again = templates.run("server-health-check")
    assert phases(again)["restart"] == "Skipped"
    units.systemctl("stop", "shop")
    templates.kubectl("delete", "workflow", "server-health-check")
    templates.make("server-health-check", **shared, unit="stubborn")
    raw = templates.run("server-health-check")
    assert raw["status"]["phase"] == "Failed"
    incident = templates.incident(raw)
    assert incident["title"] == f"stubborn on {server.host} is not healthy"
    assert templates.site.slack.messages[-1].text.startswith("stubborn on ")


@pytest.fixture(scope="session")
def prometheus(
    node_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "rules.yaml"
    rules.write_text("groups: []")
    with scraping({}, folder, rules, host=node_cluster.host) as started:
        yield started


def deployed(kubectl: Kubectl) -> str:
    """The image of the Deployment `web`."""
    template = kubectl.get("deployment", "web")["spec"]["template"]
    image: str = template["spec"]["containers"][0]["image"]
    return image


@pytest.fixture
def staging(templates: Environment) -> Kubectl:
    """A namespace in which the runner of the other one may deploy; the application in both."""
    kubectl = fresh_namespace(templates.kubectl)
    kubectl(
        "create", "rolebinding", "deployer", "--clusterrole=automation-runner-manifests",
        f"--serviceaccount={templates.kubectl.namespace}:automation-runner",
    )  # fmt: skip
    for where in (kubectl, templates.kubectl):
        where.apply(*application(BUSYBOX_IMAGE))
        where("rollout", "status", "deployment/web", "--timeout=120s")
    return kubectl


def test_a_pipeline_deploys_and_rolls_back_when_the_gate_fails(
    templates: Environment, staging: Kubectl, prometheus: Prometheus
) -> None:
    site, kubectl = templates.site, templates.kubectl
    site.jenkins.jobs["shop/build"] = Job(["IMAGE", "KEY"])
    shared = {
        "deployment": "web", "container": "web", "testCommand": 'test -n "$INPUT"',
        "jenkinsUrl": site.jenkins.url, "jenkinsJob": "shop/build",
        "jenkinsUser": jenkins.USER, "stagingNamespace": staging.namespace,
        "stagingUrl": f"http://web.{staging.namespace}/", "approvers": "sre",
        "prometheusUrl": prometheus.url, "gateBelow": 0.5, "gateFor": "1s",
        "slackChannel": "#ops", "slackApi": site.slack.api,
    }  # fmt: skip
    templates.make("deployment-pipeline", **shared, gateQuery="vector(1)")
    name = templates.start("deployment-pipeline", image=image_name())
    templates.decide(name)
    raw = ended(kubectl, name, 300)
    assert raw["status"]["phase"] == "Failed", raw["status"]
    assert phases(raw)["rollback"] == "Succeeded"
    assert "web is back at revision 1" in raw["status"]["message"]
    assert (deployed(kubectl), deployed(staging)) == (BUSYBOX_IMAGE, image_name())
    assert site.slack.messages[-1].text == f"web {image_name()}: Failed"
    kubectl("delete", "workflow", "deployment-pipeline")
    templates.make("deployment-pipeline", **shared, gateQuery="vector(0)")
    name = templates.start("deployment-pipeline", image=image_name())
    templates.decide(name)
    raw = ended(kubectl, name, 300)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert deployed(kubectl) == image_name()
    assert [build.given["IMAGE"] for build in site.jenkins.builds] == [image_name()] * 2
