"""promql-query and promql-graph against a real Prometheus."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from pydantic import ValidationError

from dev.ports import free_port
from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.observe.chart import label, ticks
from tests.examples import example
from tests.prometheus import scraping
from tests.unit.actions.in_process import failure, perform

PROVES = {"Prometheus": ["promql-query", "promql-graph"]}

STATUSES = 'label_replace(vector(3), "code", "500", "", "") or label_replace(vector(40), "code", "200", "", "")'  # noqa: E501
PREFIX = b"\x89PNG"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "rules.yaml"
    rules.write_text("groups: []\n")
    with scraping({}, folder, rules) as prometheus:
        yield f"http://127.0.0.1:{prometheus.port}"


def query(url: str, context: Context, expression: str, **more: Any) -> dict[str, Any]:
    return perform("promql-query", context, url=url, query=expression, **more)


def test_a_value_is_read(url: str, context: Context, log: list[str]) -> None:
    assert query(url, context, "vector(0.25)") == {
        "value": 0.25,
        "count": 1,
        "passed": True,
        "message": "is 0.25",
        "series": [{"labels": {}, "value": "0.25"}],
        "truncated": False,
    }
    assert log == ["is 0.25"]
    assert query(url, context, "scalar(vector(7))")["value"] == 7
    past = query(url, context, "time()", time="2026-01-31T12:00:00Z")
    assert past["value"] == datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("comparison", "threshold", "passed"),
    [("<", 0.5, True), ("<", 0.25, False), ("<=", 0.25, True), (">", 0.2, True),
     (">", 0.25, False), (">=", 0.25, True), ("==", 0.25, True), ("!=", 0.25, False)],
)  # fmt: skip
def test_a_gate_compares(
    url: str, context: Context, comparison: str, threshold: float, passed: bool
) -> None:
    condition = {"comparison": comparison, "threshold": threshold}
    outputs = query(url, context, "vector(0.25)", gate=False, **condition)
    assert outputs["passed"] is passed
    if passed:
        assert query(url, context, "vector(0.25)", **condition)["passed"]
        return
    error = failure("promql-query", context, url=url, query="vector(0.25)", **condition)
    assert error.exit_code == PERMANENT
    assert str(error) == f"is 0.25; expected {comparison} {threshold:g}"


def test_every_series_must_meet_the_condition(url: str, context: Context) -> None:
    condition = {"comparison": "<", "threshold": 30}
    outputs = query(url, context, STATUSES, gate=False, **condition)
    assert (outputs["passed"], outputs["value"], outputs["count"]) == (False, 40, 2)
    assert outputs["message"] == '{code="200"} is 40; expected < 30'
    assert query(url, context, STATUSES, comparison="<", threshold=50)["passed"]


@pytest.mark.parametrize("expression", ["vector(0) / 0", "absent(vector(1))"])
def test_no_value_meets_no_condition(url: str, context: Context, expression: str) -> None:
    condition = {"comparison": "<", "threshold": 1}
    outputs = query(url, context, expression, gate=False, **condition)
    assert (outputs["passed"], "value" in outputs) == (False, False)
    error = failure("promql-query", context, url=url, query=expression, **condition)
    assert error.exit_code == PERMANENT


def test_no_data_may_pass(url: str, context: Context) -> None:
    condition = {"comparison": "<", "threshold": 1, "noData": "pass"}
    assert query(url, context, "absent(vector(1))", **condition)["passed"]
    assert query(url, context, "absent(vector(1))")["message"] == "the query has no data"


def test_a_condition_is_checked_for_as_long_as_it_must_hold(
    url: str, context: Context, log: list[str]
) -> None:
    condition = {"comparison": ">", "threshold": 0, "hold": "1m", "interval": "25s"}
    assert query(url, context, "vector(1)", **condition)["passed"]
    assert len(log) == 4
    assert context.clock.monotonic() == 60
    error = failure("promql-query", context, url=url, query="vector(0)", **condition)
    assert (error.exit_code, len(log)) == (PERMANENT, 5)


@pytest.mark.parametrize(
    ("expression", "words"),
    [("up[5m]", "results in a matrix"), ("sum(", "parse error"), ("up +", "parse error")],
)
def test_an_expression_that_is_no_query_is_permanent(
    url: str, context: Context, expression: str, words: str
) -> None:
    error = failure("promql-query", context, url=url, query=expression)
    assert (error.exit_code, words in str(error)) == (PERMANENT, True), error


def test_a_server_that_is_not_prometheus_is_permanent(url: str, context: Context) -> None:
    error = failure("promql-query", context, url=f"{url}/none", query="up")
    assert (error.exit_code, "404" in str(error)) == (PERMANENT, True)


def test_a_server_that_is_down_is_worth_a_retry(context: Context) -> None:
    error = failure("promql-query", context, url=f"http://127.0.0.1:{free_port()}", query="up")
    assert (error.exit_code, "cannot reach" in str(error)) == (FAILED, True)


def test_credentials_and_tenant_are_sent_and_never_shown(
    server: Any, context: Context, log: list[str]
) -> None:
    failure("promql-query", context, url=server.url, query="up", token="s3cret", tenant="shop")
    failure("promql-query", context, url=server.url, query="up", username="ana", password="pw12")
    first, second = server.requests
    assert first.headers["authorization"] == "Bearer s3cret"
    assert first.headers["x-scope-orgid"] == "shop"
    encoded = base64.b64encode(b"ana:pw12").decode()
    assert second.headers["authorization"] == f"Basic {encoded}"
    assert not {"s3cret", "pw12"} & set("".join(log).split())


@pytest.mark.parametrize(
    "parameters",
    [
        {"comparison": "<"},
        {"threshold": 1},
        {"hold": "1m"},
        {"comparison": "<", "threshold": 1, "interval": "0s"},
        {"time": "yesterday"},
        {"token": "t", "username": "u"},
        {"url": "https://user:pw@prometheus"},
    ],
)
def test_parameters_that_contradict_are_refused(
    context: Context, parameters: dict[str, Any]
) -> None:
    given = {"url": "http://prometheus", "query": "up", **parameters}
    with pytest.raises(ValidationError):
        perform("promql-query", context, **given)


def test_the_examples_run(url: str, context: Context, tmp_path: Path) -> None:
    (gate,) = example("promql-query", {}, url=url)
    error = failure("promql-query", context, **gate)
    assert str(error) == "the query has no data; expected < 0.01"
    (gate,) = example("promql-query", {}, url=url, query="vector(0.001)")
    assert perform("promql-query", context, **gate)["passed"]
    (graph,) = example("promql-graph", {}, url=url)
    assert perform("promql-graph", at(context, tmp_path), **graph)["path"] == graph["path"]
    assert (tmp_path / graph["path"]).read_bytes().startswith(PREFIX)


def at(context: Context, workspace: Path) -> Context:
    """The context with a workspace, now: Prometheus evaluates a range of the past only."""
    return replace(context, environ={"WORKSPACE": str(workspace)})


def reds(picture: bytes) -> int:
    """The number of pixels of the line that shows a threshold."""
    raw = Image.open(io.BytesIO(picture)).convert("RGB").tobytes()
    pixels = zip(raw[::3], raw[1::3], raw[2::3], strict=True)
    return sum(red > 150 and red > 2 * max(green, blue) for red, green, blue in pixels)


def test_a_range_is_drawn_into_the_workspace(url: str, context: Context, tmp_path: Path) -> None:
    outputs = perform(
        "promql-graph", at(context, tmp_path), url=url, query=STATUSES, range="10m", step="1m",
        path="graphs/codes.png", width=400, height=200, threshold=30,
    )  # fmt: skip
    picture = (tmp_path / "graphs/codes.png").read_bytes()
    assert outputs == {
        "series": 2, "points": 22, "bytes": len(picture), "path": "graphs/codes.png", "png": "",
        "minimum": 3, "maximum": 40,
    }  # fmt: skip
    assert Image.open(io.BytesIO(picture)).size == (400, 200)
    assert reds(picture) > 300


def test_a_threshold_and_the_lines_change_the_picture(url: str, context: Context) -> None:
    def drawn(query: str, **more: Any) -> bytes:
        size = {"width": 160, "height": 80, "inline": True, "title": "x"}
        outputs = perform("promql-graph", context, url=url, query=query, **size, **more)
        return base64.b64decode(outputs["png"])

    assert reds(drawn("vector(1)")) == 0
    assert reds(drawn("vector(1)", threshold=2)) > 50
    assert drawn("vector(1)") != drawn("vector(2) * time() % 7")


def test_a_small_picture_is_an_output(url: str, context: Context) -> None:
    small = {"url": url, "query": "vector(1)", "inline": True, "width": 200, "height": 100}
    png = base64.b64decode(perform("promql-graph", context, **small)["png"])
    assert Image.open(io.BytesIO(png)).size == (200, 100)
    large = {**small, "query": STATUSES, "width": 2000, "height": 1200}
    error = failure("promql-graph", context, **large)
    assert (error.exit_code, "reduce width and height" in str(error)) == (PERMANENT, True)


def test_no_data_is_drawn_too(url: str, context: Context) -> None:
    outputs = perform(
        "promql-graph", context, url=url, query="absent(vector(1))", inline=True,
        width=160, height=80,
    )  # fmt: skip
    assert (outputs["series"], outputs["points"], "minimum" in outputs) == (0, 0, False)


@pytest.mark.parametrize("path", ["../x.png", "/etc/x.png", "a/../../x.png"])
def test_a_path_stays_in_the_workspace(
    url: str, context: Context, tmp_path: Path, path: str
) -> None:
    error = failure("promql-graph", at(context, tmp_path), url=url, query="up", path=path)
    assert (error.exit_code, "leads out of the workspace" in str(error)) == (PERMANENT, True)
    error = failure("promql-graph", context, url=url, query="up", path="x.png")
    assert "set spec.workspace" in str(error)


def test_the_stand_in_refuses_what_prometheus_refuses(url: str) -> None:
    response = requests.post(f"{url}/api/v1/query", data={"query": "sum("}, timeout=30)
    assert (response.status_code, response.json()["errorType"]) == (400, "bad_data")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (3, 97, [0, 25, 50, 75, 100]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_an_axis_has_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 4) == pytest.approx(expected)


def test_an_axis_of_a_constant_contains_it() -> None:
    for value in (0.0, 5.0, -3.0, 1e-9, 1e12):
        found = ticks(value, value, 4)
        assert found[0] <= value <= found[-1]
        assert all(one < other for one, other in itertools.pairwise(found))


def test_values_of_an_axis_are_short() -> None:
    assert [label(each) for each in (0, 0.25, 1500, 20_000, 3.5e6, 1e9)] == [
        "0", "0.25", "1500", "20k", "3.5M", "1G",
    ]  # fmt: skip
