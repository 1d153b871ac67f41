"""The alerts and the dashboard: valid, tested, explained, and about metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.monitoring.__main__ import (
    ALERTS,
    FOLDER,
    ROOT,
    RUNBOOKS,
    files,
    prometheus_rule,
    rules,
    without_runbook,
)
from dev.monitoring.dashboard import BLOCKED, WIDTH, dashboard
from dev.monitoring.prometheus import program
from orchestrator.engine.nodes.not_started import HOLD_UPS
from orchestrator.models.reasons import Reason
from tests.promql import label_problems, with_variables

TEST = FOLDER / "alerts_test.yaml"


def alerts() -> list[dict[str, Any]]:
    return rules(ALERTS.read_text())


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, cwd=FOLDER
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_rules() -> None:
    assert f"SUCCESS: {len(alerts())} rules found" in promtool("check", "rules", ALERTS)


def test_each_alert_fires_and_is_silent_as_its_unit_tests_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", TEST)


def test_each_alert_has_a_unit_test_of_both() -> None:
    """Firing with exactly these labels and annotations; promtool compares them."""
    firing: set[str] = set()
    silent: set[str] = set()
    for test in yaml.safe_load(TEST.read_text())["tests"]:
        for case in test["alert_rule_test"]:
            (firing if case["exp_alerts"] else silent).add(case["alertname"])
    names = {rule["alert"] for rule in alerts()}
    assert firing == silent == names


def test_an_alert_that_does_not_fire_fails_its_unit_test(tmp_path: Path) -> None:
    text = ALERTS.read_text().replace("(itechsmart_workflow_leader) == 0", "(nothing) == 0")
    (tmp_path / "alerts.yaml").write_text(text)
    raw = yaml.safe_load(TEST.read_text())
    raw["tests"] = [one for one in raw["tests"] if one["name"] == "WorkflowNoLeader fires"]
    (tmp_path / "alerts_test.yaml").write_text(yaml.safe_dump(raw))
    done = subprocess.run(
        [program("promtool"), "test", "rules", tmp_path / "alerts_test.yaml"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "WorkflowNoLeader" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_says_how_urgent_it_is_and_where_its_runbook_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text()
    section = text.partition(f"\n## {rule['alert']}\n")[2].partition("\n## ")[0]
    assert anchor == rule["alert"].lower()
    for part in ("**Meaning.**", "**Diagnosis.**", "**Mitigation.**"):
        assert part in section, f"{rule['alert']} has no {part}"


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alerts_use_metrics_labels_and_values_that_there_are(rule: dict[str, Any]) -> None:
    assert label_problems(rule["expr"]) == []


def test_each_reason_that_holds_a_node_up_fires_an_alert_and_is_on_the_dashboard() -> None:
    about = [rule["expr"] for rule in alerts() if "_node" in rule["expr"]]
    alerted = {word for expr in about for word in re.findall(r"\w+", expr)}
    assert {*HOLD_UPS, Reason.NODE_NOT_READY} <= alerted
    assert set(BLOCKED.split("|")) == HOLD_UPS


def test_a_missing_or_stale_runbook_is_reported() -> None:
    text, page = ALERTS.read_text(), (ROOT / RUNBOOKS).read_text()
    assert without_runbook(text, page) == []
    renamed = page.replace("## WorkflowNoLeader", "## WorkflowNoLeaders")
    assert without_runbook(text, renamed) == [
        "docs/reference/alerts.md has no section WorkflowNoLeader",
        "docs/reference/alerts.md: there is no alert WorkflowNoLeaders",
    ]
    elsewhere = text.replace("#workflownoleader", "#elsewhere")
    assert (
        "must be docs/reference/alerts.md#workflownoleader" in without_runbook(elsewhere, page)[0]
    )


def test_the_prometheus_rule_has_the_same_groups() -> None:
    text = ALERTS.read_text()
    rule = yaml.safe_load(prometheus_rule(text))
    assert rule["kind"] == "PrometheusRule"
    assert rule["spec"] == yaml.safe_load(text)
    for path, generated in files().items():
        assert path.read_text() == generated


def panels() -> list[dict[str, Any]]:
    return list(dashboard()["panels"])


def test_panels_do_not_overlap_and_fit_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "panel", [one for one in panels() if one["type"] != "row"], ids=lambda panel: panel["title"]
)
def test_panels_use_metrics_labels_and_values_that_there_are(panel: dict[str, Any]) -> None:
    assert panel["description"]
    for target in panel["targets"]:
        assert label_problems(with_variables(target["expr"])) == []


def test_a_metric_label_or_value_that_there_is_not_is_found() -> None:
    wrong = {
        "sum(itechsmart_workflow_leaders)": "no metric itechsmart_workflow_leaders",
        'itechsmart_workflow_leader{namespace="a"}': "has no label namespace",
        "sum by (workflow) (itechsmart_workflow_executions)": "no label workflow",
        'itechsmart_workflow_executions{phase="Runing"}': "phase is never Runing",
        'itechsmart_workflow_nodes{reason=~"Unschedulable|Nope"}': "reason is never Nope",
    }
    assert {query: label_problems(query) for query in wrong} == {
        query: [problem] for query, problem in wrong.items()
    }


def test_the_dashboard_is_json_that_grafana_imports() -> None:
    raw = json.loads((FOLDER / "dashboard.json").read_text())
    assert raw == dashboard()
    assert {variable["name"] for variable in raw["templating"]["list"]} == {
        "datasource", "namespace", "workflow",
    }  # fmt: skip


def test_monitors_keep_the_label_namespace_of_the_metrics() -> None:
    """They select what the installations have, by labels and ports, and honor the metrics'
    labels."""
    for component, sources in (
        ("operator", ("install/operator.yaml",)),
        ("receiver", ("receiver/receiver.yaml", "receiver/service.yaml")),
        ("recorder", ("recorder/recorder.yaml", "recorder/service.yaml")),
        ("api", ("api/api.yaml", "api/service.yaml")),
    ):
        installed = [raw for file in sources for raw in documents(ROOT / "manifests" / file)]
        (pod,) = (raw["spec"]["template"] for raw in installed if raw["kind"] == "Deployment")
        services = [raw for raw in installed if raw["kind"] == "Service"]
        pod_monitor = monitor_of(component, "podmonitor")
        labels = pod["metadata"]["labels"]
        assert pod_monitor["selector"]["matchLabels"].items() <= labels.items()
        for one in pod_monitor["selector"].get("matchExpressions", ()):
            assert labels[one["key"]] in one["values"]
        ports = [port["name"] for one in pod["spec"]["containers"] for port in one["ports"]]
        service_monitor = monitor_of(component, "servicemonitor")
        wanted = service_monitor["selector"]["matchLabels"].items()
        labelled = (raw for raw in services if "labels" in raw["metadata"])
        (service,) = (raw for raw in labelled if wanted <= raw["metadata"]["labels"].items())
        served = [port["name"] for port in service["spec"]["ports"]]
        for endpoints, names in (
            (pod_monitor["podMetricsEndpoints"], ports),
            (service_monitor["endpoints"], served),
        ):
            for endpoint in endpoints:
                assert endpoint["honorLabels"] is True
                assert endpoint["port"] in names


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def monitor_of(component: str, kind: str) -> dict[str, Any]:
    """The spec of the monitor of a component."""
    name = f"itechsmart-workflow-{component}"
    (monitor,) = (
        raw for raw in documents(FOLDER / f"{kind}.yaml") if raw["metadata"]["name"] == name
    )
    spec: dict[str, Any] = monitor["spec"]
    return spec


def test_runbooks_name_panels_that_the_dashboard_has() -> None:
    titles = {panel["title"] for panel in panels()}
    named = [
        title
        for line in (ROOT / RUNBOOKS).read_text().splitlines()
        if line.startswith(("On the dashboard:", "**Diagnosis.** On the dashboard:"))
        for title in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", line)
    ]
    assert len(named) > 5
    assert set(named) <= titles


def test_runbooks_type_commands_and_options_that_there_are() -> None:
    reference = (ROOT / "docs/reference/commands.md").read_text()
    everywhere = reference.partition("\n## `")[0]
    lines = [
        line
        for line in (ROOT / RUNBOOKS).read_text().splitlines()
        if line.startswith("orchestrator ")
    ]
    assert lines
    for line in lines:
        words = line.split()
        section = reference.partition(f"\n## `{words[1]}`\n")[2].partition("\n## `")[0]
        assert section, f"there is no command {words[1]}"
        for option in (word for word in words if word.startswith("-")):
            assert option in section + everywhere, f"{words[1]} has no option {option}"
