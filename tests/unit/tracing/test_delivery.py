"""Spans are delivered to a collector that takes OTLP, each execution's once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.tracing.delivery import GIVE_UP_SECONDS, SpanDelivery, otlp_exporter
from tests.collector import Collector, collecting
from tests.unit.history.executions import START, ended, record


class Counts:
    """What was counted."""

    exported = failed = dropped = 0

    def spans_exported(self, spans: int) -> None:
        self.exported += spans

    def spans_failed(self) -> None:
        self.failed += 1

    def spans_dropped(self, executions: int) -> None:
        self.dropped += executions


class Clock:
    """A clock that tests set."""

    now = START + 1.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def delivery(collector: Collector, counts: Counts, clock: Clock) -> SpanDelivery:
    return SpanDelivery(otlp_exporter(collector.url), counts, clock=clock, monotonic=clock)


def run(name: str, nodes: int = 1) -> dict[str, Any]:
    return ended(
        name, nodes={f"n{index}": record("Succeeded", START - 9, 9) for index in range(nodes)}
    )


async def test_spans_arrive_once(
    delivery: SpanDelivery, collector: Collector, counts: Counts
) -> None:
    assert await delivery.deliver([run("a"), run("b")]) == set()
    assert await delivery.deliver([run("a")]) == set()  # its mark failed
    assert sorted(collector.names().values()) == ["n0", "n0", "workflow deploy", "workflow deploy"]
    assert len(collector.spans) == counts.exported == 4
    (resource,) = collector.resources
    assert resource["service.name"] == "itechsmart-workflow"
    await delivery.close()


async def test_an_execution_with_what_nobody_expects_holds_up_no_other(
    delivery: SpanDelivery, collector: Collector
) -> None:
    wrong = run("wrong")
    wrong["spec"]["trigger"] = "no object"
    assert await delivery.deliver([wrong, run("a")]) == set()
    assert sorted(collector.names().values()) == ["n0", "workflow deploy"]
    await delivery.close()


async def test_large_executions_are_delivered_in_several_requests(
    delivery: SpanDelivery, collector: Collector
) -> None:
    await delivery.deliver([run(name, nodes=400) for name in "abcde"])
    assert collector.requests == 3
    assert len(collector.names()) == 5 * 401
    await delivery.close()


async def test_a_collector_that_is_away_is_asked_again_later(
    delivery: SpanDelivery, collector: Collector, counts: Counts, clock: Clock
) -> None:
    collector.status = 400
    first, second = run("a"), run("b")
    assert await delivery.deliver([first]) == {"uid-shop-a"}
    assert delivery.pause == 1.0
    assert await delivery.deliver([first, second]) == {"uid-shop-a", "uid-shop-b"}
    assert collector.requests == 1  # not before the pause is over
    clock.now += 1.0
    assert await delivery.deliver([first, second]) == {"uid-shop-a", "uid-shop-b"}
    assert delivery.pause == 2.0
    collector.status = 200
    clock.now += 2.0
    assert await delivery.deliver([first, second]) == set()
    assert delivery.pause == 0.0
    assert len(collector.spans) == 4
    assert (counts.failed, counts.dropped) == (2, 0)
    await delivery.close()


async def test_an_execution_waits_for_ten_minutes_at_most(
    delivery: SpanDelivery, collector: Collector, counts: Counts, clock: Clock
) -> None:
    collector.status = 400
    clock.now = START + GIVE_UP_SECONDS + 1
    assert await delivery.deliver([run("a")]) == set()
    assert counts.dropped == 1
    await delivery.close()


async def test_no_collector_at_the_address_is_a_failure_and_no_error(
    counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.tracing.delivery.EXPORT_SECONDS", 0.1)
    delivery = SpanDelivery(otlp_exporter("http://127.0.0.1:1"), counts, clock=lambda: START)
    assert await delivery.deliver([run("a")]) == {"uid-shop-a"}
    assert counts.failed == 1
    await delivery.close()
