"""Loki's query_range as strict as its API: a tenant, a log query, times in nanoseconds.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
"""

from __future__ import annotations

import re
from typing import Any

from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

_SELECTOR = re.compile(
    r'\{\s*\w+\s*(=~|!~|!=|=)\s*"[^"]*"(\s*,\s*\w+\s*(=~|!~|!=|=)\s*"[^"]*")*\s*\}'
)
MAX_LIMIT = 5000


class LokiStub(Stub):
    """A Loki with one tenant, whose streams are given by their labels."""

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self.tenant = tenant
        self.streams: list[tuple[dict[str, str], list[tuple[int, str]]]] = []
        """Labels, and nanoseconds and lines."""
        self.route("GET", "/loki/api/v1/query_range", self.query_range)

    def error(self, refusal: RefusedError) -> Response:
        return Response(
            refusal.status, f"{refusal.message}\n".encode(), {"Content-Type": "text/plain"}
        )

    def query_range(self, request: Request) -> Response:
        request.demand_header("X-Scope-OrgID", self.tenant)
        asked = {name: values[0] for name, values in request.query.items()}
        query = asked.get("query", "")
        if query.startswith(("sum", "rate", "count_over_time")):
            return self._answer("matrix", [])
        if not _SELECTOR.match(query):
            raise RefusedError(
                400, "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"
            )
        start, end = self._nanoseconds(asked, "start"), self._nanoseconds(asked, "end")
        if end < start:
            raise RefusedError(400, "end timestamp must not be before or equal to start time")
        limit = int(asked.get("limit", "100"))
        if not 0 < limit <= MAX_LIMIT:
            raise RefusedError(400, "max entries limit per query exceeded")
        if asked.get("direction", "backward") not in ("forward", "backward"):
            raise RefusedError(400, f"invalid direction '{asked['direction']}'")
        return self._answer("streams", self._selected(start, end, limit))

    def _selected(self, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """The newest entries, by stream, each stream from the newest to the oldest."""
        entries = [
            (at, index, line)
            for index, (_, lines) in enumerate(self.streams)
            for at, line in lines
            if start <= at < end
        ]
        newest = sorted(entries, reverse=True)[:limit]
        found = []
        for index, (labels, _) in enumerate(self.streams):
            if values := [[str(at), line] for at, of, line in newest if of == index]:
                found.append({"stream": labels, "values": values})
        return found

    @staticmethod
    def _nanoseconds(asked: dict[str, str], name: str) -> int:
        if not re.fullmatch(r"\d{19}", asked.get(name, "")):
            raise RefusedError(400, f"could not parse '{name}' timestamp")
        return int(asked[name])

    @staticmethod
    def _answer(kind: str, result: list[Any]) -> Response:
        data = {"resultType": kind, "result": result, "stats": {}}
        return json_response(200, {"status": "success", "data": data})
