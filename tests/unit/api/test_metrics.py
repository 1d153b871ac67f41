"""The metrics of the API have the values of the requests that were sent, and bounded labels."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dev.ports import stable_port
from orchestrator.api.application import create_application
from orchestrator.api.instrumentation import MetricsMiddleware
from orchestrator.api.metrics import ApiMetrics
from tests.api_process import ApiUser, running_api, streaming
from tests.kube import eventually
from tests.unit.cli.conftest import CliEnvironment

REQUESTS = "requests_total"
DURATIONS = "request_duration_seconds_count"
REFUSED = "requests_refused_total"
ONE, STREAM = "/automation/executions/{id}", "/automation/executions/{id}/events"
Samples = dict[tuple[str, ...], float]


def samples_of(text: str, name: str) -> Samples:
    """The samples of a metric by the values of its labels, in the order of their names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"itechsmart_workflow_rest_api_{name}"
    }


@dataclass(frozen=True)
class Measured:
    """An API, and where its metrics are."""

    anyone: ApiUser
    health: int

    def __call__(self, name: str) -> Samples:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics") as answer:
            return samples_of(answer.read().decode(), name)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """With a history that cannot be read, and few of everything."""
    folder = tmp_path_factory.mktemp("measured")
    env = CliEnvironment(folder)
    status = {"phase": "Running", "nodes": {}}
    env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status=status)
    health = stable_port()
    options = (
        f"--health-address=127.0.0.1:{health}",
        f"--database=sqlite:///{folder / 'none' / 'history.sqlite'}",
        "--max-streams=1", "--max-body=1024", "--rate=0.1", "--burst=60",
    )  # fmt: skip
    try:
        with running_api(env.kubeconfig, folder / "api.log", *options) as anyone:
            yield Measured(anyone, health)
    finally:
        env.close()


def growth(measured: Measured, name: str, before: Samples) -> Samples:
    """By how much the samples of a counter have grown."""
    now = measured(name)
    return {at: now[at] - before.get(at, 0) for at in now if now[at] != before.get(at, 0)}


def test_answers_are_counted_and_timed_by_route_and_class(measured: Measured) -> None:
    ana = measured.anyone.within("ana-1")
    before, timed = measured(REQUESTS), measured(DURATIONS)
    for _ in range(2):
        assert ana("GET", "/node-types").status == 200
    assert ana("GET", "/executions/run").status == 200
    assert ana("POST", "/executions/run", {}).status == 405
    assert measured.anyone("GET", "/executions/secret-name").status == 401
    assert ana("GET", "/kubernetes/apis/example.com/v1/secret-names").status == 405
    assert ana("GET", "/health").status == 200
    types, passed = "/automation/node-types", "/automation/kubernetes/{path}"
    assert growth(measured, REQUESTS, before) == {
        ("2xx", "GET", types): 2,
        ("2xx", "GET", ONE): 1,
        ("4xx", "POST", ONE): 1,
        ("4xx", "GET", ONE): 1,
        ("4xx", "GET", passed): 1,
    }
    assert growth(measured, DURATIONS, timed) == {
        ("GET", types): 2,
        ("GET", ONE): 2,
        ("POST", ONE): 1,
        ("GET", passed): 1,
    }
    assert all(seconds > 0 for seconds in measured("request_duration_seconds_sum").values())


def test_no_label_has_what_a_caller_chose(measured: Measured) -> None:
    ana = measured.anyone.within("ana-2")
    for path in ("/secret-name", "/executions/secret-name", "/workflows/secret-name?namespace=a"):
        ana("GET", path)
        ana("BREW", path)
    routes = {f"/automation{path.removeprefix('/automation')}" for path in _templates()}
    for codes, method, route in measured(REQUESTS):
        assert re.fullmatch("[1-5]xx", codes)
        assert method in ("GET", "POST", "PUT", "DELETE", "other")
        assert route in routes | {"none"}
    assert measured(REQUESTS)["4xx", "other", "none"] == 1


def _templates() -> set[str]:
    described = create_application(None).openapi()["paths"]
    return {*described, "/automation/openapi.json", "/automation/kubernetes/{path}"}


def test_open_streams_are_counted_and_not_timed(measured: Measured) -> None:
    ana = measured.anyone.within("ana-3")
    before, timed = measured(REQUESTS), measured(DURATIONS)
    refused = measured(REFUSED)
    with streaming(ana, "/executions/run/events") as events:
        assert next(events).kind == "execution"
        assert measured("open_streams") == {(): 1}
        assert ana("GET", "/executions/run/events").status == 429
    eventually(lambda: measured("open_streams") == {(): 0})
    assert growth(measured, REQUESTS, before) == {
        ("2xx", "GET", STREAM): 1,
        ("4xx", "GET", STREAM): 1,
    }
    assert growth(measured, DURATIONS, timed) == {("GET", STREAM): 1}  # of the refusal
    assert growth(measured, REFUSED, refused) == {("streams",): 1}


def test_refusals_are_counted_by_their_limit(measured: Measured) -> None:
    before, answers = measured(REFUSED), measured(REQUESTS)
    bob = measured.anyone.within("bob")
    statuses = [bob("GET", "/node-types").status]
    while statuses.count(429) < 2:
        statuses.append(bob("GET", "/node-types").status)
    large = measured.anyone.within("cleo")("POST", "/workflows", {"text": "x" * 2000})
    assert large.status == 413
    assert growth(measured, REFUSED, before) == {("rate",): 2, ("body",): 1}
    counted = growth(measured, REQUESTS, answers)
    assert counted["4xx", "GET", "none"] == 2
    assert counted["4xx", "POST", "none"] == 1


def test_answers_without_the_history_are_counted_once_each(measured: Measured) -> None:
    ana = measured.anyone.within("ana-4")
    before = measured("history_unavailable_total")[()]
    listed = ana("GET", "/executions?namespace=default")
    assert listed.body["historyUnavailable"]
    assert [one["metadata"]["name"] for one in listed.body["items"]] == ["run"]
    assert ana("GET", "/executions/none?namespace=default").status == 503
    assert ana("GET", "/node-types").status == 200
    assert measured("history_unavailable_total")[()] == before + 2


def test_its_process_and_version_have_the_prefix_too(measured: Measured) -> None:
    assert list(measured("build_info").values()) == [1]
    assert measured("process_start_time_seconds")[()] > 0


def test_an_answer_that_failed_inside_counts_as_5xx() -> None:
    registry = CollectorRegistry()

    async def fails(*_: Any) -> None:
        raise RuntimeError("a fault")

    async def nothing(*_: Any) -> Any:
        return {}

    measure = MetricsMiddleware(fails, ApiMetrics(registry), lambda _: "", ())
    with pytest.raises(RuntimeError):
        asyncio.run(measure({"type": "http", "method": "GET", "path": "/"}, nothing, nothing))
    text = generate_latest(registry).decode()
    assert samples_of(text, REQUESTS) == {("5xx", "GET", "none"): 1}
    assert samples_of(text, DURATIONS) == {("GET", "none"): 1}
