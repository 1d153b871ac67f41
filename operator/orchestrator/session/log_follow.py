"""`logs --follow`: many pods at once, line by line, across interruptions.

A broken stream is reopened where it ended. The API accepts that moment only in whole seconds, so
the lines already shown from that second are counted and skipped.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from orchestrator.jobs.evidence import ACTION, has_begun, has_ended
from orchestrator.kube.resources import EXECUTIONS, PODS, Resource
from orchestrator.operations.executions import has_ended as execution_has_ended
from orchestrator.session.errors import ForbiddenError, NotFoundError, UnreachableError, UsageError
from orchestrator.session.log_merge import (
    MAX_STREAMS,
    Line,
    Merger,
    Queue,
    read_line,
    stamp_of,
)

POLL = 1.0
"""Seconds between two lists of the pods, and between two attempts to reach a server."""

Raw = dict[str, Any]
Say = Callable[[str], None]


class Source(Protocol):
    """The requests that are made to a cluster."""

    def get(self, kind: Resource, name: str) -> Raw: ...
    def list(self, kind: Resource, *, query: Mapping[str, str] | None = None) -> Raw: ...
    def path(self, kind: Resource, name: str = "", subresource: str = "") -> str: ...
    def text(
        self, path: str, query: Mapping[str, str], *, silence: float | None
    ) -> Iterator[str]: ...


@dataclass(frozen=True)
class Reading:
    """How much of a log is read, and whether its lines keep their timestamps."""

    tail: int | None = None
    since: float | None = None
    """Seconds before now."""
    timestamps: bool = False

    def query(self) -> dict[str, str]:
        """The query for the action's container, whatever else a webhook injected.

        Always with timestamps, because logs are merged by them.
        """
        query = {"container": ACTION, "timestamps": "true"}
        if self.tail is not None:
            query["tailLines"] = str(self.tail)
        if self.since is not None:
            query["sinceSeconds"] = str(max(1, math.ceil(self.since)))
        return query


class Reader:
    """One pod's log from beginning to end, each line once."""

    def __init__(self, source: Source, pod: str, reading: Reading, pause: Callable[[], None]):
        self._source = source
        self._pod = pod
        self._reading = reading
        self._pause = pause
        self._last = ""
        """The moment of the last line shown, as the kubelet writes it."""
        self._shown = 0
        """Number of lines shown with that timestamp."""
        self._at = 0.0

    def lines(self) -> Iterator[Line]:
        """The lines as they arrive. Raises UsageError if the log is refused or no longer exists."""
        while True:
            try:
                yield from self._once()
                if self._ended():
                    return
            except UnreachableError:
                pass  # the server becomes reachable again, or the user interrupts the command
            self._pause()

    def _once(self) -> Iterator[Line]:
        path = self._source.path(PODS, self._pod, "log")
        query = self._reading.query()
        if self._last:
            since = re.sub(r"\.\d+", "", self._last)
            query = {"container": ACTION, "timestamps": "true", "sinceTime": since}
        query["follow"] = "true"
        seen = 0
        for raw in self._source.text(path, query, silence=None):
            moment = stamp_of(raw) or self._last
            if moment < self._last:
                continue
            if moment == self._last:
                seen += 1
                if seen <= self._shown:
                    continue
                self._shown = seen
            else:
                self._last, self._shown, seen = moment, 1, 1
            line = read_line(raw, self._at, timestamps=self._reading.timestamps)
            self._at = line.at
            yield line

    def _ended(self) -> bool:
        """Whether the action has ended, so that the end of the stream is the end of the log."""
        try:
            pod = self._source.get(PODS, self._pod)
        except NotFoundError:
            return True
        except UnreachableError:
            raise
        except UsageError:
            return True
        return has_ended(pod)


class Readers:
    """How many logs may be read at a time, each by a thread."""

    def __init__(self, maximum: int = MAX_STREAMS) -> None:
        self._free = threading.Semaphore(maximum)

    def taken(self) -> bool:
        """Whether one more may be read, which is then counted."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """One has ended."""
        self._free.release()


class Follower:
    """Follows every matching pod as soon as it starts and a reader is free, until the execution has
    ended."""

    def __init__(
        self,
        source: Source,
        say: Say,
        warn: Say,
        *,
        wanted: Callable[[Raw, Raw], str | None],
        reading: Reading | None = None,
        poll: float = POLL,
        readers: Readers | None = None,
    ) -> None:
        """`wanted` returns the prefix for a pod's lines, or None for a pod that is not followed
        (yet), given the pod and the execution's state. `readers` bounds how many logs are read at a
        time; the others are read when these have ended."""
        self._source = source
        self._lines = Merger(say)
        self._warn = warn
        self._wanted = wanted
        self._reading = reading or Reading()
        self._poll = poll
        self._slots = readers or Readers()
        self._readers: set[str] = set()
        """Uids of the pods whose logs are or were read."""
        self._forbidden: ForbiddenError | None = None

    def follow(self, execution: Raw, selector: str) -> None:
        """Follow until the execution and all its logs have ended. Raises ForbiddenError."""
        try:
            self._follow(execution, selector)
        finally:
            self._lines.stop()

    def _follow(self, execution: Raw, selector: str) -> None:
        name, warned = execution["metadata"]["name"], False
        while True:
            # In this order: a pod that started before the end is listed after it.
            ended = execution_has_ended(execution)
            try:
                if self._begin_readers(selector, execution) and ended:
                    break
                self._lines.show(self._poll)
                if self._forbidden is not None:
                    raise self._forbidden
                execution = self._source.get(EXECUTIONS, name)
                warned = False
            except UnreachableError as error:
                if not warned:
                    self._warn(f"{error}; trying again")
                warned = True
                self._lines.show(self._poll)
        self._lines.show()
        if self._forbidden is not None:
            raise self._forbidden

    def _begin_readers(self, selector: str, execution: Raw) -> bool:
        """Begin to read the logs of pods that have begun; whether all of them are read."""
        pods = self._source.list(PODS, query={"labelSelector": selector})["items"]
        for pod in sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"]):
            uid, prefix = pod["metadata"]["uid"], self._wanted(pod, execution)
            begun = has_begun(pod) or has_ended(pod)
            if not begun or uid in self._readers or prefix is None:
                continue
            if not self._slots.taken():
                return False
            self._readers.add(uid)
            pause = partial(time.sleep, self._poll)
            reader = Reader(self._source, pod["metadata"]["name"], self._reading, pause)
            arguments = reader, prefix, self._lines.open()
            threading.Thread(target=self._read, args=arguments, daemon=True).start()
        return True

    def _read(self, reader: Reader, prefix: str, queue: Queue) -> None:
        at = 0.0
        try:
            for line in reader.lines():
                at = line.at
                self._lines.put(queue, Line(at, f"{prefix} | {line.text}"))
        except ForbiddenError as error:
            self._forbidden = error
        except UsageError as error:
            self._lines.put(queue, Line(at, f"{prefix} | (no log: {error})"))
        finally:
            self._lines.close(queue)
            self._slots.give_back()
