"""A real Prometheus scrapes an operator, a receiver, a recorder and a REST API: the reference, the
dashboard and the alerts are about what they export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.credentials import write_credentials
from dev.monitoring.__main__ import ALERTS, FOLDER, rules
from dev.monitoring.dashboard import dashboard
from dev.ports import free_port
from dev.reference.metrics import everything
from orchestrator.controller.telemetry.families import PREFIX
from tests.admission_policies import POLICIES
from tests.api_process import ApiProcess
from tests.cluster.metrics_workload import (
    API_REQUESTS,
    REQUESTS,
    run_workflows,
    send_api_requests,
    send_events,
)
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, Operator, eventually
from tests.prometheus import Prometheus, scraping
from tests.promql import TARGET_LABELS, metrics_of, with_variables
from tests.receiver_process import ReceiverProcess, running_receiver
from tests.recorder_process import RecorderProcess
from tests.service_accounts import NAMESPACE, receiver_account, recorder_account

WITHOUT_DATA = {f"{PREFIX}_triggers_quota_exceeded"}
"""Metrics that have no series in this run: no quota refuses the execution of a Trigger."""


@dataclass(frozen=True)
class Scraped:
    """A namespace in which something of each kind has happened, and what is known of it."""

    kubectl: Kubectl
    operator: Operator
    receiver: ReceiverProcess
    api: ApiProcess
    prometheus: Prometheus


@pytest.fixture(scope="module")
def scraped(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("monitoring")
    shop, full = (fresh_namespace(Kubectl(kubeconfig)) for _ in range(2))
    shop("apply", "--server-side", "-f", POLICIES)
    write_credentials(folder, ["127.0.0.1"], server="https://unused", inner="")
    target = f"127.0.0.1:{free_port()}"
    operator = Operator(
        account,
        folder / "log",
        f"--namespace={shop.namespace}",
        f"--namespace={full.namespace}",
        f"--health-address={target}",
        f"--lease={NAMESPACE}/{shop.namespace}",
        f"--webhook=127.0.0.1:{free_port()}",
        f"--webhook-certificate={folder / 'apiserver.crt'}",
        f"--webhook-key={folder / 'apiserver.key'}",
    )
    operator.start()
    events, history, rest = (f"127.0.0.1:{free_port()}" for _ in range(3))
    targets = {
        target: {"namespace": NAMESPACE, "pod": "operator-0"},
        events: {"namespace": NAMESPACE, "pod": "receiver-0"},
        history: {"namespace": NAMESPACE, "pod": "recorder-0"},
        rest: {"namespace": NAMESPACE, "pod": "api-0"},
    }
    (folder / "recorder").mkdir()
    recorder = RecorderProcess(
        recorder_account(kubeconfig, folder / "recorder"),
        folder / "recorder.log",
        f"--namespace={shop.namespace}",
        f"--health-address={history}",
        f"--database=sqlite:///{folder / 'history.db'}",
    )
    recorder.start()
    api = ApiProcess(
        kubeconfig,
        folder / "api.log",
        "--address=127.0.0.1:0",
        f"--health-address={rest}",
        f"--database=sqlite:///{folder / 'none' / 'history.db'}",
    )
    api.start()
    options = (f"--namespace={shop.namespace}", f"--health-address={events}")
    receiving = running_receiver(
        receiver_account(kubeconfig, folder), folder / "receiver.log", *options
    )
    try:
        with (
            receiving as (send, receiver),
            scraping(targets, folder, ALERTS) as prometheus,
        ):
            run_workflows(shop, full, prometheus)
            send_events(shop, send, prometheus)
            send_api_requests(shop, folder / "api.log")
            yield Scraped(shop, operator, receiver, api, prometheus)
    finally:
        operator.stop()
        recorder.stop()
        api.stop()
        shop("delete", "-f", POLICIES)


def queries() -> list[tuple[str, str]]:
    """Every query of the dashboard, with the title of its panel."""
    return [
        (panel["title"], with_variables(target["expr"]))
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    ]


def test_every_query_of_the_dashboard_has_data(scraped: Scraped) -> None:
    def empty() -> list[tuple[str, str]]:
        return [
            (title, query)
            for title, query in queries()
            if not metrics_of(query) & WITHOUT_DATA and not scraped.prometheus.query(query)
        ]

    def every() -> bool:
        assert empty() == []
        return True

    eventually(every)
    for _, query in queries():
        scraped.prometheus.query(query)  # those without data are valid too


def test_the_reference_lists_what_is_exported_with_its_labels(scraped: Scraped) -> None:
    names = set(scraped.prometheus.get("label/__name__/values"))
    documented = {name: (kind, labels) for name, kind, labels, _ in everything()}
    series = {
        f"{name}{suffix}"
        for name, (kind, _) in documented.items()
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }
    exported = {name for name in names if name.startswith(PREFIX) and not name.endswith("_created")}
    assert exported == series - WITHOUT_DATA
    target = {*TARGET_LABELS, "namespace"}
    for name, (kind, labels) in documented.items():
        if name in WITHOUT_DATA:
            continue
        shown = scraped.prometheus.labels(f"{name}_bucket" if kind == "histogram" else name)
        assert shown - target == set(labels) - target, name


def test_what_happened_is_counted_where_it_happened(scraped: Scraped) -> None:
    where = f'namespace="{scraped.kubectl.namespace}"'
    expected: dict[str, float] = {
        f'{PREFIX}_executions_finished_total{{{where}, workflow="good", phase="Succeeded"}}': 3,
        f'{PREFIX}_executions_finished_total{{{where}, workflow="bad", phase="Failed"}}': 1,
        f'{PREFIX}_execution_duration_seconds_count{{{where}, workflow="good"}}': 3,
        f'{PREFIX}_executions{{{where}, phase="Queued", reason="ConcurrencyLimit"}}': 1,
        f'{PREFIX}_nodes{{{where}, reason="AwaitingApproval"}}': 1,
        f'{PREFIX}_nodes{{{where}, reason="Unschedulable"}}': 1,
        f'{PREFIX}_nodes{{reason="QuotaExceeded"}}': 1,
        f'{PREFIX}_trigger_events_total{{{where}, trigger="fires", outcome="started"}}': 3,
        f'{PREFIX}_trigger_events_total{{{where}, trigger="drops", outcome="limited"}}': 2,
        f'{PREFIX}_trigger_events_total{{{where}, trigger="fails", outcome="failed"}}': 3,
        f'{REQUESTS}{{{where}, trigger="hook", code="202"}}': 1,
        f'{REQUESTS}{{{where}, trigger="hook", code="401"}}': 1,
        f'{REQUESTS}{{namespace!="{scraped.kubectl.namespace}", code="401", type="unknown"}}': 1,
        f'{PREFIX}_receiver_events_total{{{where}, trigger="hook", outcome="started"}}': 1,
        f'{PREFIX}_receiver_store_failures_total{{{where}, trigger="hook"}}': 0,
        f'{PREFIX}_receiver_listener_connected{{{where}, trigger="inbox", type="email"}}': 0,
        f'{API_REQUESTS}{{method="GET", code="2xx"}}': 1,
        f'{API_REQUESTS}{{code="4xx", route="/automation/executions"}}': 1,
        f'{API_REQUESTS}{{code="5xx", route="/automation/executions/{{id}}"}}': 1,
        f"{PREFIX}_rest_api_history_unavailable_total": 1,
        f'{PREFIX}_leader{{namespace="{NAMESPACE}", pod="operator-0"}}': 1,
        f'{PREFIX}_reconcile_errors_total{{reason="Unexpected", name="execution"}}': 0,
    }

    def counted() -> dict[str, float | None]:
        found = {query: scraped.prometheus.query(query) for query in expected}
        return {query: float(one[0]["value"][1]) if one else None for query, one in found.items()}

    def as_expected() -> bool:
        assert counted() == expected
        return True

    eventually(as_expected)


def _states(scraped: Scraped) -> dict[str, dict[str, Any]]:
    groups = scraped.prometheus.get("rules")["groups"]
    return {rule["name"]: rule for group in groups for rule in group["rules"]}


def test_every_alert_is_evaluated_and_none_about_the_operator_fires(scraped: Scraped) -> None:
    names = {rule["alert"] for rule in rules(ALERTS.read_text())}
    eventually(lambda: {rule["health"] for rule in _states(scraped).values()} == {"ok"})
    states = _states(scraped)
    assert set(states) == names
    assert [rule["lastError"] for rule in states.values() if rule.get("lastError")] == []
    eventually(lambda: _states(scraped)["WorkflowTriggerEventsFailing"]["state"] == "firing")

    def quiet() -> bool:
        """No more than a start takes, such as until the policies are believed."""
        found = _states(scraped).values()
        critical = [rule for rule in found if rule["labels"]["severity"] == "critical"]
        assert [rule["name"] for rule in critical if rule["state"] != "inactive"] == []
        return True

    eventually(quiet)


def test_the_kustomization_brings_monitor_rules_and_dashboard(scraped: Scraped) -> None:
    made = list(yaml.safe_load_all(scraped.kubectl("kustomize", str(FOLDER))))
    by_kind = {raw["kind"]: raw for raw in made}
    assert set(by_kind) == {"ConfigMap", "PodMonitor", "PrometheusRule"}
    assert {raw["metadata"]["namespace"] for raw in made} == {NAMESPACE}
    config = by_kind["ConfigMap"]
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(config["data"]["dashboard.json"]) == dashboard()


def test_processes_that_are_down_are_noticed(scraped: Scraped) -> None:
    """The last test: it stops them."""
    scraped.operator.kill()
    eventually(lambda: _states(scraped)["WorkflowOperatorDown"]["state"] == "pending")
    assert _states(scraped)["WorkflowNoLeader"]["state"] == "inactive"
    scraped.receiver.kill()
    eventually(lambda: _states(scraped)["WorkflowReceiverDown"]["state"] == "pending")
    scraped.api.kill()
    eventually(lambda: _states(scraped)["WorkflowRestApiDown"]["state"] == "pending")
