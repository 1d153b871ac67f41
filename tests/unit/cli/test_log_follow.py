"""`logs --follow` against a cluster that behaves: pods that come later, streams that break off."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from orchestrator.kube.resources import EXECUTIONS, PODS, Resource
from orchestrator.session.errors import (
    ForbiddenError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from orchestrator.session.log_follow import Follower, Readers, Reading
from tests.kube import eventually

SECOND = "2026-01-31T12:00:0"
RUN = {"metadata": {"name": "run", "uid": "u"}, "status": {"phase": "Running"}}


def stamped(*lines: str, per_second: int = 2) -> list[str]:
    """Lines as the kubelet gives them; several in one moment."""
    return [f"{SECOND}{i // per_second}.5Z {line}" for i, line in enumerate(lines)]


class FakeCluster:
    """Pods with logs, whose streams break off after so many lines, and outages by the request."""

    def __init__(self) -> None:
        self.logs: dict[str, list[str]] = {}
        self.phases: dict[str, str] = {}
        self.breaks: dict[str, list[int]] = {}
        self.outages = 0
        self.forbidden = False
        self.reads = 0
        self.ends_after = 3
        self.later: dict[int, str] = {}
        self.queries: list[Mapping[str, str]] = []
        self.reading = threading.Lock()
        self.open = self.most = 0
        """Logs that are being read, and how many were at a time."""

    def path(self, kind: Resource, name: str = "", subresource: str = "") -> str:
        return f"{kind.plural}/{name}/{subresource}"

    def get(self, kind: Resource, name: str) -> dict[str, Any]:
        self._fail()
        if kind is PODS:
            if name not in self.phases:
                raise NotFoundError("gone")
            return {"status": {"phase": self.phases[name]}}
        assert kind is EXECUTIONS
        self.reads += 1
        phase = "Succeeded" if self.reads >= self.ends_after else "Running"
        return {**RUN, "status": {"phase": phase}}

    def list(self, kind: Resource, *, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        assert kind is PODS
        assert query == {"labelSelector": "all"}
        self._fail()
        if self.reads in self.later:
            self.phases[self.later[self.reads]] = "Succeeded"
        return {
            "items": [
                {
                    "metadata": {"name": name, "uid": name, "creationTimestamp": "now"},
                    "status": {"phase": phase},
                }
                for name, phase in self.phases.items()
            ]
        }

    def text(self, path: str, query: Mapping[str, str], *, silence: float | None) -> Iterator[str]:
        assert silence is None
        if self.forbidden:
            raise ForbiddenError("ana may not get pods/log in namespace shop")
        self.queries.append(dict(query))
        with self.reading:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            yield from self._lines(path.split("/")[1], query)
        finally:
            with self.reading:
                self.open -= 1

    def _lines(self, name: str, query: Mapping[str, str]) -> Iterator[str]:
        since = query.get("sinceTime", "")[:19]
        lines = [line for line in self.logs[name] if line[:19] >= since]
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :]
        breaks = self.breaks.get(name, [])
        cut = breaks.pop(0) if breaks else None
        yield from lines[:cut]
        if cut is not None:
            raise UnreachableError("the stream broke off")

    def _fail(self) -> None:
        if self.outages:
            self.outages -= 1
            raise UnreachableError("the API server does not answer")


def followed(cluster: FakeCluster, tail: int | None = None) -> tuple[list[str], list[str]]:
    said: list[str] = []
    warned: list[str] = []
    follower = Follower(
        cluster,
        said.append,
        warned.append,
        wanted=lambda pod, _: pod["metadata"]["name"],
        reading=Reading(tail),
        poll=0.0,
    )
    follower.follow(RUN, "all")
    return said, warned


def test_every_line_is_shown_once_and_in_order_over_broken_streams() -> None:
    cluster = FakeCluster()
    lines = [f"line {number}" for number in range(9)]
    cluster.logs["a"] = stamped(*lines, per_second=4)
    cluster.phases["a"] = "Succeeded"
    cluster.breaks["a"] = [2, 3, 6, 1]
    said, _ = followed(cluster)
    assert said == [f"a | {line}" for line in lines]


def test_the_same_words_twice_in_one_moment_are_two_lines() -> None:
    cluster = FakeCluster()
    cluster.logs["a"] = stamped("again", "again", "again", "end", per_second=3)
    cluster.phases["a"] = "Succeeded"
    cluster.breaks["a"] = [2]
    assert followed(cluster)[0] == ["a | again", "a | again", "a | again", "a | end"]


def test_a_stream_that_ends_while_its_pod_runs_is_opened_again() -> None:
    cluster = FakeCluster()
    cluster.logs["a"] = stamped("one")
    cluster.phases["a"] = "Running"
    opened = cluster.text

    def text(path: str, query: Mapping[str, str], *, silence: float | None) -> Iterator[str]:
        yield from opened(path, query, silence=silence)
        if len(cluster.queries) == 2:
            cluster.logs["a"] = stamped("one", "two")
        if len(cluster.queries) == 3:
            cluster.phases["a"] = "Succeeded"

    cluster.text = text  # type: ignore[method-assign]
    assert followed(cluster)[0] == ["a | one", "a | two"]


def test_a_pod_that_begins_later_is_followed_too() -> None:
    cluster = FakeCluster()
    cluster.logs = {"a": stamped("first"), "b": stamped("second")}
    cluster.phases["a"] = "Succeeded"
    cluster.later = {2: "b"}
    assert sorted(followed(cluster)[0]) == ["a | first", "b | second"]


def test_an_outage_is_said_once_and_outlasted() -> None:
    cluster = FakeCluster()
    cluster.logs["a"] = stamped("one")
    cluster.phases["a"] = "Succeeded"
    cluster.outages = 4
    said, warned = followed(cluster)
    assert said == ["a | one"]
    assert warned == ["the API server does not answer; trying again"]


def test_a_log_that_is_refused_is_said_in_its_place() -> None:
    cluster = FakeCluster()
    cluster.phases["a"] = "Succeeded"

    def text(path: str, query: Mapping[str, str], *, silence: float | None) -> Iterator[str]:
        raise NotFoundError("container is gone")
        yield path, query, silence  # type: ignore[unreachable]

    cluster.text = text  # type: ignore[method-assign]
    assert followed(cluster)[0] == ["a | (no log: container is gone)"]


def test_only_the_tail_is_shown_and_all_that_comes_after_a_break() -> None:
    cluster = FakeCluster()
    cluster.logs["a"] = stamped("one", "two", "three", "four")
    cluster.phases["a"] = "Succeeded"
    cluster.breaks["a"] = [1]
    assert followed(cluster, tail=2)[0] == ["a | three", "a | four"]


def test_lines_of_two_pods_never_tear_each_other_apart() -> None:
    cluster = FakeCluster()
    for name in "abcd":
        cluster.logs[name] = stamped(*(f"{name * 50} {i}" for i in range(18)))
        cluster.phases[name] = "Succeeded"
    inside = threading.Semaphore(1)
    said: list[str] = []

    def say(line: str) -> None:
        assert inside.acquire(blocking=False), "two lines at once"
        said.append(line)
        inside.release()

    follower = Follower(
        cluster,
        say,
        said.append,
        wanted=lambda pod, _: pod["metadata"]["name"],
        poll=0.0,
    )
    follower.follow(RUN, "all")
    for name in "abcd":
        own = [line for line in said if line.startswith(f"{name} |")]
        assert own == [f"{name} | {name * 50} {i}" for i in range(18)]


@pytest.mark.parametrize("ends_after", [1, 10_000])
def test_logs_that_may_not_be_read_end_it_with_the_right_that_is_missing(ends_after: int) -> None:
    cluster = FakeCluster()
    cluster.forbidden = True
    cluster.ends_after = ends_after
    cluster.phases["a"] = "Running"
    with pytest.raises(ForbiddenError, match="may not get pods/log"):
        followed(cluster)


def test_of_a_pod_with_injected_containers_the_action_is_read() -> None:
    cluster = FakeCluster()
    cluster.logs["a"] = stamped("one")
    cluster.phases["a"] = "Succeeded"
    followed(cluster)
    assert {query["container"] for query in cluster.queries} == {"action"}


def test_so_many_logs_are_read_at_a_time_and_the_others_afterwards() -> None:
    cluster, readers = FakeCluster(), Readers(2)
    for name in "abcdef":
        cluster.logs[name] = stamped(f"by {name}")
        cluster.phases[name] = "Succeeded"
    said: list[str] = []
    follower = Follower(
        cluster,
        said.append,
        said.append,
        wanted=lambda pod, _: pod["metadata"]["name"],
        poll=0.01,
        readers=readers,
    )
    follower.follow(RUN, "all")
    assert sorted(said) == [f"{name} | by {name}" for name in "abcdef"]
    assert cluster.most <= 2
    for _ in range(2):
        eventually(readers.taken)
    assert not readers.taken()


def test_the_threads_of_a_follower_end_when_nobody_reads_any_more() -> None:
    cluster, before = FakeCluster(), threading.active_count()
    cluster.logs["a"] = stamped(*(f"line {number}" for number in range(5000)))
    cluster.phases["a"] = "Running"

    def say(_: str) -> None:
        raise UsageError("the reader has gone")

    follower = Follower(cluster, say, say, wanted=lambda pod, _: pod["metadata"]["name"], poll=0.01)
    with pytest.raises(UsageError):
        follower.follow(RUN, "all")
    cluster.phases["a"] = "Succeeded"
    eventually(lambda: threading.active_count() <= before)
