"""promql-query: evaluate a PromQL expression, and compare its value with a threshold."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.observe.prometheus import (
    OnPrometheus,
    Series,
    ask,
    name_of,
    number,
    prometheus,
    shown,
)
from orchestrator.actions.rest import Api
from orchestrator.actions.sending import classify
from orchestrator.models.base import Duration, parse_duration

MAX_SERIES = 100
"""Maximum number of series in the outputs."""
MAX_NAMED = 3
"""Maximum number of series that a message names."""


class Comparison(StrEnum):
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EQUAL = "=="
    NOT_EQUAL = "!="


class NoData(StrEnum):
    """What a query without series means."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - the gate is passed


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}


class PromqlQuery(OnPrometheus):
    """Parameters of promql-query."""

    comparison: Comparison | None = None
    """How the value of every series must compare with threshold; give both or neither."""
    threshold: float | None = None
    """Right side of the comparison."""
    hold: Duration = "0s"
    """How long every check must meet the condition; 0s checks once."""
    interval: Duration = "15s"
    """Time between two checks."""
    no_data: NoData = NoData.FAIL
    """Whether a query without series meets the condition."""
    gate: bool = True
    """Whether the action fails if the condition is not met; otherwise only the output passed
    reports it."""
    time: str = ""
    """Time of the evaluation (RFC 3339); now if empty."""

    @model_validator(mode="after")
    def _condition(self) -> PromqlQuery:
        if (self.comparison is None) != (self.threshold is None):
            raise ValueError("give both comparison and threshold, or neither")
        if parse_duration(self.hold) and not self.comparison:
            raise ValueError("hold needs comparison and threshold")
        if parse_duration(self.hold) and self.time:
            raise ValueError("give either hold or time")
        if parse_duration(self.interval) <= 0:
            raise ValueError("interval must be more than 0s")
        if self.time and not _time(self.time):
            raise ValueError("time must be a time such as 2026-01-31T12:00:00Z")
        return self


class QueryResult(Outputs):
    """Outputs of promql-query."""

    bulky = ("series",)

    value: float | None = None
    """Value of the first series that does not meet the condition, otherwise of the first series;
    absent without series and for NaN and infinity."""
    count: int
    """Number of series."""
    passed: bool
    """Whether the condition is met; true without a condition."""
    message: str
    """The result as a sentence."""
    series: list[Any] = []
    """At most 100 series with labels and value (a string)."""
    truncated: bool = False
    """Whether an output was truncated."""


def promql_query(parameters: PromqlQuery, context: Context) -> QueryResult:
    """Evaluates a PromQL expression at one time. With comparison and threshold it is a gate: it
    fails unless the value of every series meets the condition, for as long as hold says."""
    hold, interval = parse_duration(parameters.hold), parse_duration(parameters.interval)
    with prometheus(parameters, context) as server:
        server.deadline += hold
        until = context.clock.monotonic() + hold
        while True:
            result = _check(server, parameters)
            context.log(result.message)
            left = until - context.clock.monotonic()
            if not result.passed or left <= 0:
                break
            context.clock.sleep(min(interval, left))
    if parameters.gate and not result.passed:
        raise ActionError(result.message, permanent=True)
    return result


def _check(server: Api, parameters: PromqlQuery) -> QueryResult:
    form = {"query": parameters.query}
    if parameters.time:
        form["time"] = parameters.time
    kind, series = ask(server, "/api/v1/query", form)
    if kind not in ("vector", "scalar"):
        raise ActionError(
            f"the query results in a {kind}; write one that results in an instant vector or a "
            "scalar, such as rate(requests_total[5m])",
            permanent=True,
        )
    failing = [each for each in series if not _met(parameters, _value(each))]
    passed = not failing if series else _passes_without(parameters)
    first = _value((failing or series)[0]) if series else math.nan
    return QueryResult(
        value=first if math.isfinite(first) else None,
        count=len(series),
        passed=passed,
        message=_message(parameters, series, failing, passed=passed),
        series=[
            {"labels": each["metric"], "value": each["value"][1]} for each in series[:MAX_SERIES]
        ],
        truncated=len(series) > MAX_SERIES,
    )


def _passes_without(parameters: PromqlQuery) -> bool:
    return parameters.comparison is None or parameters.no_data is NoData.PASS


def _value(series: Series) -> float:
    return number(series["value"][1])


def _met(parameters: PromqlQuery, value: float) -> bool:
    """NaN, the result of a division by zero, meets no condition."""
    if parameters.comparison is None or parameters.threshold is None:
        return True
    return not math.isnan(value) and _COMPARE[parameters.comparison](value, parameters.threshold)


def _message(
    parameters: PromqlQuery, series: list[Series], failing: list[Series], *, passed: bool
) -> str:
    condition = (
        f"{parameters.comparison} {shown(parameters.threshold)}"
        if parameters.comparison and parameters.threshold is not None
        else ""
    )
    if not series:
        return f"the query has no data{'' if passed else f'; expected {condition}'}"
    if failing:
        named = "; ".join(_shown(each) for each in failing[:MAX_NAMED])
        more = f" and {len(failing) - MAX_NAMED} more" if len(failing) > MAX_NAMED else ""
        return f"{named}{more}; expected {condition}"
    if len(series) == 1:
        return f"{_shown(series[0])}{condition and f', as expected {condition}'}"
    return f"{len(series)} series{condition and f', all {condition}'}"


def _shown(series: Series) -> str:
    labels = name_of(series["metric"])
    return f"{'' if labels == '{}' else labels + ' '}is {shown(_value(series))}".strip()


def _time(text: str) -> datetime | None:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(AwareDatetime).validate_python(text)
    except ValidationError:
        return None


ACTION = Action(
    name="promql-query",
    title="Query Prometheus",
    category="observe",
    icon="chart",
    parameters=PromqlQuery,
    outputs=QueryResult,
    run=promql_query,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a condition "
        "that is not met, an expression that Prometheus refuses, credentials that it refuses. It "
        "only reads; a retry begins hold again."
    ),
    classify=classify,
    example="""
        nodes:
        - name: gate
          action: promql-query
          with:
            url: http://prometheus.monitoring:9090
            query: >-
              sum(rate(http_requests_total{job="shop",code=~"5.."}[5m]))
              / sum(rate(http_requests_total{job="shop"}[5m]))
            comparison: "<"
            threshold: 0.01
            hold: 10m
            interval: 30s
    """,
)
