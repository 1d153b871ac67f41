"""loki-query and grafana-annotation against stubs that refuse what the two refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.grafana import TOKEN, GrafanaStub
from tests.vendors.loki import LokiStub
from tests.vendors.stub import LOST, Fault

PROVES = {"strict stub of Loki": ["loki-query"], "strict stub of Grafana": ["grafana-annotation"]}

NOW = 1_767_225_600 * 10**9
SECOND = 10**9


@pytest.fixture
def loki() -> Iterator[LokiStub]:
    with LokiStub("shop") as stub:
        stub.streams = [
            ({"pod": "a"}, [(NOW - 50 * SECOND, "one"), (NOW - 30 * SECOND, "three")]),
            ({"pod": "b"}, [(NOW - 40 * SECOND, "two"), (NOW - 7200 * SECOND, "old")]),
        ]
        yield stub


def read(loki: LokiStub, context: Context, **more: Any) -> dict[str, Any]:
    return perform("loki-query", context, **asked(loki, **more))


def asked(loki: LokiStub, **more: Any) -> dict[str, Any]:
    return {"url": loki.url, "tenant": "shop", "query": '{app="shop"}', **more}


def test_lines_of_all_streams_are_read_in_order(
    loki: LokiStub, context: Context, log: list[str]
) -> None:
    assert read(loki, context) == {
        "count": 3, "streams": 2, "text": "one\ntwo\nthree", "last": "2025-12-31T23:59:30.000Z",
        "truncated": False,
    }  # fmt: skip
    assert log[0] == "2025-12-31T23:59:10.000Z one"
    assert read(loki, context, since="3h")["text"] == "old\none\ntwo\nthree"
    newest = read(loki, context, limit=2)
    assert (newest["text"], newest["truncated"]) == ("two\nthree", True)
    assert read(loki, context, since="1s")["count"] == 0


def test_more_lines_than_allowed_fail(loki: LokiStub, context: Context) -> None:
    assert read(loki, context, maxLines=3)["count"] == 3
    error = failure("loki-query", context, **asked(loki, maxLines=1))
    assert error.exit_code == PERMANENT
    assert str(error) == "3 lines match, more than 1; the newest: three"
    error = failure("loki-query", context, **asked(loki, maxLines=1, limit=2))
    assert str(error).startswith("2 or more lines match")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tenant": "other"}, "with 401"),
        ({"query": "shop"}, "with 400: parse error"),
        ({"query": 'rate({app="shop"}[5m])'}, "results in a matrix; write a log query"),
    ],
)
def test_what_loki_refuses_is_permanent(
    loki: LokiStub, context: Context, change: dict[str, Any], words: str
) -> None:
    error = failure("loki-query", context, **asked(loki, **change))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error


def test_rate_limits_are_waited_for_and_failures_retried(loki: LokiStub, context: Context) -> None:
    loki.fail(Fault(429, {"Retry-After": "2"}))
    assert read(loki, context)["count"] == 3
    loki.fail(Fault(500))
    assert failure("loki-query", context, **asked(loki)).exit_code == FAILED


def test_the_stub_refuses_what_loki_refuses(loki: LokiStub) -> None:
    url, headers = f"{loki.url}/loki/api/v1/query_range", {"X-Scope-OrgID": "shop"}
    good = {"query": '{a="b"}', "start": str(NOW - SECOND), "end": str(NOW)}
    assert requests.get(url, params=good, headers=headers, timeout=30).status_code == 200
    assert requests.get(url, params=good, timeout=30).status_code == 401
    for change in ({"start": "yesterday"}, {"limit": "9999"}, {"direction": "up"}, {"query": "{}"}):
        response = requests.get(url, params={**good, **change}, headers=headers, timeout=30)
        assert response.status_code == 400, change


@pytest.fixture
def grafana() -> Iterator[GrafanaStub]:
    with GrafanaStub() as stub:
        yield stub


def annotation(grafana: GrafanaStub, **more: Any) -> dict[str, Any]:
    return {"url": grafana.url, "token": TOKEN, **more}


def test_a_moment_becomes_a_span(grafana: GrafanaStub, context: Context) -> None:
    place = {"dashboardUid": "shop", "panelId": 3, "tags": ["deployment"]}
    added = perform("grafana-annotation", context, **annotation(grafana, text="begin", **place))
    assert added == {"id": 1, "repeated": False}
    (stored,) = grafana.annotations
    assert (stored["dashboardUID"], stored["panelId"], stored["text"]) == ("shop", 3, "begin")
    assert stored["time"] == NOW // 10**6
    assert stored["tags"][0] == "deployment"
    context.clock.sleep(60)
    perform("grafana-annotation", context, **annotation(grafana, id=1, text="done"))
    assert stored["timeEnd"] - stored["time"] == 60_000
    assert stored["text"] == "done"


def test_a_retry_adds_no_other(grafana: GrafanaStub, context: Context) -> None:
    grafana.fail(Fault(), LOST)
    assert (
        failure("grafana-annotation", context, **annotation(grafana, text="x")).exit_code == FAILED
    )
    again = perform("grafana-annotation", context, **annotation(grafana, text="x"))
    assert again == {"id": 1, "repeated": True}
    assert len(grafana.annotations) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "glsa_wrong"}, "with 401"),
        ({"dashboardUid": "none"}, "Dashboard not found"),
        ({"id": 7}, "Could not find annotation"),
    ],
)
def test_what_grafana_refuses_is_permanent(
    grafana: GrafanaStub, context: Context, log: list[str], change: dict[str, Any], words: str
) -> None:
    error = failure("grafana-annotation", context, **annotation(grafana, **{"text": "x", **change}))
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error
    assert "glsa" not in str(error) + "".join(log)


def test_the_stub_refuses_what_grafana_refuses(grafana: GrafanaStub) -> None:
    url, headers = f"{grafana.url}/api/annotations", {"Authorization": f"Bearer {TOKEN}"}
    bodies: tuple[Any, ...] = ({}, {"text": "x", "colour": "red"}, {"text": "x", "time": 1})
    for body in bodies:
        assert requests.post(url, json=body, headers=headers, timeout=30).status_code == 400, body
    assert requests.post(url, json={"text": "x"}, timeout=30).status_code == 401


@pytest.mark.parametrize("parameters", [{}, {"text": "x", "panelId": 1}])
def test_incomplete_annotations_are_refused(
    grafana: GrafanaStub, context: Context, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        perform("grafana-annotation", context, **annotation(grafana, **parameters))


def test_the_examples_run(loki: LokiStub, grafana: GrafanaStub, context: Context) -> None:
    (parameters,) = example("loki-query", {}, url=loki.url)
    assert perform("loki-query", context, **parameters)["count"] == 3
    begin, end = example("grafana-annotation", {"token": TOKEN}, url=grafana.url, id=1)
    assert perform("grafana-annotation", context, **begin)["id"] == 1
    perform("grafana-annotation", context, **end)
    assert grafana.annotations[0]["timeEnd"]
