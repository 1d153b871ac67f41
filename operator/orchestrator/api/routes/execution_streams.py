"""The live events of an execution, the logs of its nodes, and its graph."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import Response

from orchestrator.api.execution_targets import ExecutionOf, ExecutionTarget
from orchestrator.api.kept_logs import KeptLogs, kept_logs
from orchestrator.api.log_stream import follow
from orchestrator.api.openapi import text_of
from orchestrator.api.problems import ProblemError
from orchestrator.api.streaming import Stream
from orchestrator.api.streams import events_of, version_of
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.executions import has_ended
from orchestrator.operations.records import is_from_history
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.durations import read_duration
from orchestrator.session.errors import UsageError
from orchestrator.session.log_follow import Reading
from orchestrator.session.log_merge import merged
from orchestrator.session.long_work import long_work
from orchestrator.session.node_logs import Choice, chosen_lines, missing, pods_of
from orchestrator.session.pictures import FORMATS, picture_of_execution

router = APIRouter(tags=["executions"])
EVENTS = "text/event-stream"
LOG = "text/plain"
MEDIA_TYPES = {"svg": "image/svg+xml", "mermaid": "text/plain", "dot": "text/vnd.graphviz"}
GRAPH = text_of(*MEDIA_TYPES.values(), description="The graph.")
Form = Annotated[Literal["svg", "mermaid", "dot"], Query(alias="format")]


@router.get("/executions/{id}/events", responses=text_of(EVENTS, description="The events."))
async def stream_events(
    request: Request,
    target: ExecutionOf,
    last_event_id: Annotated[
        str,
        Header(
            alias="Last-Event-ID",
            max_length=64,
            pattern=r"^[0-9]*$",
            description="The id of the last event that was received: a stream resumes there.",
        ),
    ] = "",
) -> Response:
    """Stream the changes of an execution (server-sent events) until it ends.

    Each event `execution` has the state and the records of the nodes that changed since the one
    before; the first has all. A reader who is slow receives the latest state. The last event is
    `end`; a reader who comes back after it gets 204."""
    _, found = await run_in_threadpool(target.execution)
    if has_ended(found) and last_event_id == version_of(found):
        return Response(status_code=204)
    client, stopping = target.caller.streaming(), request.app.state.stopping
    events = events_of(client, found, last_event_id, stopping)
    return Stream(request, events, EVENTS, target.caller.ends)


@dataclass(frozen=True)
class Wanted:
    """Which lines of which logs a request asks for."""

    follow: Annotated[bool, Query(description="Stream new lines until the execution ends.")] = False
    tail: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Last lines of each pod.")
    ] = None
    since: Annotated[
        str, Query(max_length=32, description="Only lines newer than this, such as `10m`.")
    ] = ""
    attempt: Annotated[int | None, Query(ge=1, le=100_000, description="Only this one.")] = None
    item: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Only this item of a fan-out.")
    ] = None
    failed: Annotated[bool, Query(description="Only attempts and items that failed.")] = False
    timestamps: Annotated[bool, Query(description="Before each line.")] = False
    search: Annotated[
        str, Query(max_length=256, description="Only lines that contain this, in any case.")
    ] = ""

    def choice(self, node: str | None) -> Choice:
        """The logs, of all nodes or of one. Raises UsageError."""
        seconds = read_duration("since", self.since) if self.since else None
        reading = Reading(self.tail, seconds, self.timestamps)
        return Choice(node, self.attempt, self.item, self.failed, reading)

    def shows(self, line: str) -> bool:
        """Whether a line is selected."""
        return not self.search or self.search.casefold() in line.casefold()


WantedLines = Annotated[Wanted, Depends()]


@router.get("/executions/{id}/logs", responses=text_of(LOG, description="The lines."))
async def read_logs_of_execution(
    request: Request,
    target: ExecutionOf,
    wanted: WantedLines,
    node: Annotated[str, Query(max_length=63, description="Only this node.")] = "",
    gone: Annotated[
        bool, Query(description="Only logs of pods that are gone; they are not followed.")
    ] = False,
) -> Response:
    """Read the logs of all nodes, as `orchestrator logs` prints them: the lines of all pods in the
    order in which they were written. Kept logs as for one node."""
    return await _read_logs(request, target, wanted, node or None, gone=gone)


@router.get("/executions/{id}/nodes/{node}/logs", responses=text_of(LOG, description="The lines."))
async def read_logs(
    request: Request,
    target: ExecutionOf,
    wanted: WantedLines,
    node: Annotated[str, Path(max_length=63, description="The name of the node.")],
) -> Response:
    """Read the logs of a node from its pods, as `orchestrator logs` prints them.

    Where a pod is gone, its log is read from the history, if it was kept there; this takes the
    right to `get` `pods/log` in the namespace."""
    return await _read_logs(request, target, wanted, node)


async def _read_logs(
    request: Request,
    target: ExecutionTarget,
    wanted: Wanted,
    node: str | None,
    *,
    gone: bool = False,
) -> Response:
    cluster, found = await run_in_threadpool(target.execution)
    choice = wanted.choice(node)
    records = (found.get("status") or {}).get("nodes") or {}
    if node is not None and node not in records and not (wanted.follow or gone):
        name = found["metadata"]["name"]
        hint = did_you_mean(node, list(records))
        raise ProblemError(404, f"{name} has no node {node} that has started{hint}")
    recorded = is_from_history(found)
    pods = [] if recorded else await run_in_threadpool(pods_of, cluster, found)
    clients = target.caller.clients
    kept = await run_in_threadpool(
        kept_logs, clients.history, clients.rights, cluster, found, pods, choice, time.time()
    )
    if wanted.follow and not recorded and not gone:
        before = _encoded(None, (line.text for line in merged(kept.gone)), wanted.shows)
        lines_of_all = _joined(before, follow(cluster, found, choice, wanted.shows))
        return Stream(request, lines_of_all, LOG, target.caller.ends)
    lines = _lines(cluster, found, pods, choice, kept, gone=gone)
    first = await run_in_threadpool(next, lines, None)  # a refusal is answered as one
    return Stream(request, _encoded(first, lines, wanted.shows), LOG, target.caller.ends)


def _lines(
    cluster: Cluster,
    execution: Raw,
    pods: list[Raw],
    choice: Choice,
    kept: KeptLogs,
    *,
    gone: bool,
) -> Iterator[str]:
    records = (execution.get("status") or {}).get("nodes") or {}
    if kept.problem:
        yield f"(kept logs are left out: {kept.problem})"
    if choice.item is None:
        yield from missing(records, pods, choice, kept.attempts)
    chosen = [pod for pod in pods if not gone and choice.takes_pod(pod, records)]
    for line in chosen_lines(cluster, chosen, choice, kept.gone, kept.instead):
        yield line.text


async def _joined(*streams: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    for stream in streams:
        async with aclosing(stream) as parts:
            async for part in parts:
                yield part


async def _encoded(
    first: str | None, lines: Iterator[str], shows: Callable[[str], bool]
) -> AsyncGenerator[bytes, None]:
    if first is not None and shows(first):
        yield f"{first}\n".encode()
    try:
        async for line in iterate_in_threadpool(lines):
            if shows(line):
                yield f"{line}\n".encode()
    except UsageError as error:  # it is too late for another status
        yield f"(the logs cannot be read further: {error})\n".encode()


@router.get("/executions/{id}/graph", responses=GRAPH)
def draw_execution(target: ExecutionOf, form: Form = "svg") -> Response:
    """Draw the graph of an execution, its nodes coloured by phase."""
    cluster, found = target.execution()
    picture = picture_of_execution(cluster, found)
    with long_work(cluster, {"nodes": picture.boxes, "edges": picture.arrows}):
        drawn = FORMATS[form](picture)
    return Response(drawn, media_type=MEDIA_TYPES[form])
