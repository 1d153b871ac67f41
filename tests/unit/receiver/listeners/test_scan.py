"""What is new in listings: each object once, whatever its time says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.receiver.listeners.files.scan import Scans
from orchestrator.triggers.positions import Position, parse_position
from orchestrator.triggers.types.file_watch import Found


def found(key: str, at: float = 100.0, version: str = "1") -> Found:
    return Found(key, 1, at, version, at)


class Bucket:
    """A bucket, and a listener that is restarted now and then."""

    def __init__(self, *, settles: bool = False) -> None:
        self._settles = settles
        self.objects: dict[str, Found] = {}
        self.fired: list[Found] = []
        self._scans = Scans(Position("s", 0), settles=settles)

    def put(self, *objects: Found) -> None:
        self.objects |= {each.key: each for each in objects}

    def look(self, now: float = 1e9) -> list[str]:
        """The keys of what fires in one listing."""
        self._scans.restart()
        new = self._scans.new_in(self.objects.values())
        self._scans.handled(new)
        self._scans.end(now)
        self.fired += new
        return [each.key for each in new]

    def restart(self) -> None:
        """Another process goes on, with what the status says."""
        position = parse_position(self._scans.position.text(), "s")
        assert position is not None
        self._scans = Scans(position, settles=self._settles)


def test_an_object_fires_once_and_again_when_it_changes() -> None:
    bucket = Bucket()
    bucket.put(found("a"), found("b"))
    assert bucket.look() == ["a", "b"]
    assert bucket.look() == []
    bucket.put(found("a", 101, "2"))
    assert bucket.look() == ["a"]


def test_what_appears_with_an_old_time_fires_too() -> None:
    bucket = Bucket()
    bucket.put(found("a", 1000))
    bucket.look()
    bucket.put(found("upload that took long", 10))
    assert bucket.look() == ["upload that took long"]


def test_objects_of_one_second_fire_also_across_a_restart() -> None:
    bucket = Bucket()
    bucket.put(found("a", 100))
    bucket.look()
    bucket.restart()
    bucket.put(found("b", 100))
    assert bucket.look() == ["b"]


def test_a_listing_that_breaks_off_doubles_nothing() -> None:
    bucket = Bucket()
    bucket.look()
    bucket.put(found("a"), found("b"))
    scans = bucket._scans
    scans.restart()
    new = scans.new_in([bucket.objects["a"]])
    scans.handled(new)
    assert bucket.look() == ["b"]


def test_a_file_fires_once_it_is_the_same_in_two_listings() -> None:
    folder = Bucket(settles=True)
    folder.put(found("a", 100, "half"))
    assert folder.look() == []
    folder.put(found("a", 101, "whole"))
    assert folder.look() == []
    assert folder.look() == ["a"]
    assert folder.look() == []


def test_a_file_that_waits_is_not_forgotten_at_a_restart_however_much_came_after_it() -> None:
    folder = Bucket(settles=True)
    folder.look()
    folder.put(found("slow", 100))
    folder.look()
    for number in range(200):
        folder.put(found("slow", 100 + number, str(number)), found(f"f{number}", 1000 + number))
        folder.look()
    folder.restart()
    folder.look()
    assert "slow" in folder.look()


@pytest.mark.parametrize("slow_by", [0, 3600])
def test_what_came_all_at_once_does_not_fire_again_at_a_restart_a_while_later(slow_by: int) -> None:
    bucket, now = Bucket(), 1_000_000.0
    bucket.look(now)
    bucket.put(*(found(f"f{number}", now - slow_by + number / 100) for number in range(2000)))
    for _ in range(60):
        now += 5
        bucket.look(now)
    assert len(bucket.fired) == 2000
    bucket.restart()
    bucket.put(found("later", now - slow_by))
    assert bucket.look(now) == ["later"]


puts = st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 3))
steps = st.lists(puts | st.just(("look",)) | st.just(("restart",)), max_size=60)


@given(steps)
def test_every_version_that_is_listed_fires_exactly_once(steps: list[tuple[object, ...]]) -> None:
    bucket, now, versions = Bucket(), 1000.0, 0
    wanted: set[tuple[str, str]] = set()
    for step in [*steps, ("look",)]:
        if step[0] == "put":
            now += float(str(step[2]))
            versions += 1
            bucket.put(found(f"k{step[1]}", now, str(versions)))
        elif step[0] == "look":
            wanted |= {(each.key, each.version) for each in bucket.objects.values()}
            bucket.look(now)
        else:
            bucket.restart()
    fired = [(each.key, each.version) for each in bucket.fired]
    assert sorted(fired) == sorted(wanted)
