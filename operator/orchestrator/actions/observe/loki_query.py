"""loki-query: read lines of logs from Grafana Loki.

https://grafana.com/docs/loki/latest/reference/loki-http-api/
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.rest import OnServer, Url, api, basic, bearer, message_of
from orchestrator.actions.sending import classify
from orchestrator.models.base import Duration, parse_duration

Entry = tuple[int, str]
"""Nanoseconds since 1970, and a line."""


class LokiQuery(OnServer):
    """Parameters of loki-query."""

    url: Url
    """URL of Loki."""
    query: Annotated[str, Field(min_length=1, max_length=16384)]
    """Log query in LogQL, such as {app="shop"} |= "error"."""
    since: Duration = "1h"
    """How far back."""
    limit: Annotated[int, Field(ge=1, le=5000)] = 100
    """Maximum number of lines, newest first."""
    max_lines: Annotated[int | None, Field(ge=0)] = None
    """Fail if more lines than this match, up to limit."""
    token: SecretStr | None = None
    """Sent as a bearer token."""
    username: str = ""
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    tenant: Annotated[str, Field(max_length=256)] = ""
    """Tenant, sent as X-Scope-OrgID."""

    @model_validator(mode="after")
    def _valid(self) -> LokiQuery:
        if self.token and (self.username or self.password):
            raise ValueError("set either token, or username and password, not both")
        if self.max_lines is not None and self.max_lines >= self.limit:
            raise ValueError("maxLines must be less than limit")
        return self


class LogLines(Outputs):
    """Outputs of loki-query."""

    bulky = ("text",)
    keep_end = frozenset({"text"})

    count: int
    """Number of lines, at most limit."""
    streams: int
    """Number of streams that the lines belong to."""
    text: str
    """The lines in the order of time; only the end of long logs, while the node's own log has all
    lines."""
    last: str = ""
    """Time of the newest line (RFC 3339)."""
    truncated: bool = False
    """Whether there are more lines than limit, or an output was truncated."""


def loki_query(parameters: LokiQuery, context: Context) -> LogLines:
    """Reads the newest lines that match a log query, of all streams in the order of time. Can fail
    if there are more than maxLines."""
    entries, streams = _read(parameters, context)
    for nanoseconds, line in entries:
        context.log(f"{_time(nanoseconds)} {line}")
    if parameters.max_lines is not None and len(entries) > parameters.max_lines:
        more = " or more" if len(entries) == parameters.limit else ""
        raise ActionError(
            f"{len(entries)}{more} lines match, more than {parameters.max_lines}; the newest: "
            f"{entries[-1][1][:200]}",
            permanent=True,
        )
    return LogLines(
        count=len(entries),
        streams=streams,
        text="\n".join(line for _, line in entries),
        last=_time(entries[-1][0]) if entries else "",
        truncated=len(entries) == parameters.limit,
    )


def _read(parameters: LokiQuery, context: Context) -> tuple[list[Entry], int]:
    """The entries in the order of time, and the number of their streams."""
    end = context.clock.now().timestamp()
    query = {
        "query": parameters.query,
        "start": str(round((end - parse_duration(parameters.since)) * 1e9)),
        "end": str(round(end * 1e9)),
        "limit": str(parameters.limit),
        "direction": "backward",
    }
    headers = {**bearer(parameters.token), **basic(parameters.username, parameters.password)}
    if parameters.tenant:
        headers["X-Scope-OrgID"] = parameters.tenant
    reason = message_of("message", "error")
    with api("Loki", parameters.url, parameters, context, headers=headers, reason=reason) as server:
        answer = server.json("GET", "/loki/api/v1/query_range", params=query)
    data: dict[str, Any] = answer["data"]
    if data["resultType"] != "streams":
        raise ActionError(
            f"the query results in a {data['resultType']}; write a log query, without functions "
            "such as rate or count_over_time",
            permanent=True,
        )
    found = [(int(each[0]), str(each[1])) for one in data["result"] for each in one["values"]]
    return sorted(found, key=lambda entry: entry[0]), len(data["result"])


def _time(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 10**6 % 1000:03d}Z"


ACTION = Action(
    name="loki-query",
    title="Query logs in Loki",
    category="observe",
    icon="file-text",
    parameters=LokiQuery,
    outputs=LogLines,
    run=loki_query,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a query that "
        "Loki refuses or that results in metrics, more lines than maxLines, credentials that Loki "
        "refuses. It only reads."
    ),
    classify=classify,
    example="""
        nodes:
        - name: errors
          action: loki-query
          with:
            url: http://loki.monitoring:3100
            query: '{namespace="shop"} |= "level=error"'
            since: 15m
            limit: 50
            tenant: shop
    """,
)
