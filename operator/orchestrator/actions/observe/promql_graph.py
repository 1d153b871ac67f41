"""promql-graph: draw the result of a PromQL expression over time as a PNG."""

from __future__ import annotations

import base64
import math
from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Resources
from orchestrator.actions.observe.prometheus import OnPrometheus, Series, ask, name_of, prometheus
from orchestrator.actions.sending import classify
from orchestrator.actions.workspace import in_workspace
from orchestrator.models.base import Duration, parse_duration

MAX_POINTS = 11_000
"""Maximum number of points per series that Prometheus responds with."""
MAX_INLINE = 3000
"""Maximum number of characters of the picture as an output."""
MAX_LINES = 50
"""Maximum number of series that are drawn."""


class PromqlGraph(OnPrometheus):
    """Parameters of promql-graph."""

    range: Duration = "1h"
    """How far back the graph begins."""
    step: Duration | None = None
    """Time between two points; a point for every two pixels if absent."""
    path: Annotated[str, Field(max_length=1024)] = ""
    """File in the workspace to write the picture to; give this, or inline."""
    inline: bool = False
    """Whether the picture is the output png, in base64; it must be small."""
    title: Annotated[str, Field(max_length=256)] = ""
    """Title; the query if empty."""
    threshold: float | None = None
    """A value to draw as a red line."""
    width: Annotated[int, Field(ge=120, le=2000)] = 640
    """Width in pixels."""
    height: Annotated[int, Field(ge=80, le=1200)] = 320
    """Height in pixels."""

    @model_validator(mode="after")
    def _target(self) -> PromqlGraph:
        if not (self.path or self.inline):
            raise ValueError("give path, or set inline")
        if parse_duration(self.range) <= 0:
            raise ValueError("range must be more than 0s")
        if self.step and not (
            parse_duration(self.step) > 0
            and parse_duration(self.range) / parse_duration(self.step) < MAX_POINTS
        ):
            raise ValueError(f"step must be more than 0s, and range at most {MAX_POINTS} steps")
        return self


class Graph(Outputs):
    """Outputs of promql-graph."""

    series: int
    """Number of series that are drawn."""
    points: int
    """Number of points of all series together."""
    bytes: int
    """Size of the picture."""
    path: str = ""
    """File in the workspace."""
    png: str = ""
    """The picture in base64, if inline."""
    minimum: float | None = None
    """Lowest value; absent without points."""
    maximum: float | None = None
    """Highest value; absent without points."""


def promql_graph(parameters: PromqlGraph, context: Context) -> Graph:
    """Evaluates a PromQL expression over a range of time and draws the result as a PNG, as a file
    in the workspace or as an output. The axis of time is in UTC."""
    file = in_workspace(context, parameters.path, "path") if parameters.path else None
    end, span = context.clock.now().timestamp(), parse_duration(parameters.range)
    step = (
        parse_duration(parameters.step)
        if parameters.step
        else max(1.0, math.ceil(span / (parameters.width / 2)))
    )
    form = {
        "query": parameters.query,
        "start": f"{end - span:.3f}",
        "end": f"{end:.3f}",
        "step": f"{step:g}",
    }
    with prometheus(parameters, context) as server:
        _, series = ask(server, "/api/v1/query_range", form)
    picture, points = _drawn(parameters, series, end - span, end, step)
    values = [value for _, value in points]
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)
    drawn = min(len(series), MAX_LINES)
    context.log(f"{drawn} series, {len(points)} points, a picture of {len(picture)} bytes")
    return Graph(
        series=drawn,
        points=len(points),
        bytes=len(picture),
        path=parameters.path,
        png=_inline(picture) if parameters.inline else "",
        minimum=min(values, default=None),
        maximum=max(values, default=None),
    )


def _drawn(
    parameters: PromqlGraph, series: list[Series], start: float, end: float, step: float
) -> tuple[bytes, list[tuple[float, float]]]:
    from orchestrator.actions.observe.chart import Chart, Line, draw

    lines = [Line(name_of(each["metric"]), _points(each)) for each in series[:MAX_LINES]]
    chart = Chart(
        title=parameters.title or " ".join(parameters.query.split()),
        lines=lines,
        start=start,
        end=end,
        step=step,
        width=parameters.width,
        height=parameters.height,
        threshold=parameters.threshold,
    )
    return draw(chart), [point for line in lines for point in line.points]


def _points(series: Series) -> list[tuple[float, float]]:
    """The points of a series that can be drawn: neither NaN nor infinite."""
    values = ((float(seconds), float(text)) for seconds, text in series["values"])
    return [(seconds, value) for seconds, value in values if math.isfinite(value)]


def _inline(picture: bytes) -> str:
    encoded = base64.b64encode(picture).decode()
    if len(encoded) > MAX_INLINE:
        raise ActionError(
            f"the picture is {len(encoded)} characters in base64, more than the {MAX_INLINE} "
            "allowed for an output: reduce width and height, or write it to the workspace by path",
            permanent=True,
        )
    return encoded


ACTION = Action(
    name="promql-graph",
    title="Draw a graph of Prometheus",
    category="observe",
    icon="chart",
    parameters=PromqlGraph,
    outputs=Graph,
    run=promql_graph,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: an "
        "expression that Prometheus refuses, a path outside the workspace, a picture that is too "
        "large for an output. It only reads; a retry overwrites the file."
    ),
    classify=classify,
    resources=Resources(memory="64Mi"),
    example="""
        workspace: {size: 1Gi}
        nodes:
        - name: graph
          action: promql-graph
          with:
            url: http://prometheus.monitoring:9090
            query: sum by (code) (rate(http_requests_total{job="shop"}[5m]))
            range: 3h
            title: Requests of the shop by status
            path: graphs/requests.png
    """,
)
