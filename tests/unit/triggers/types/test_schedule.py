"""Slots of a schedule: each once, through changes of the clock, whoever looks how often."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.triggers.sources import Due, Event
from orchestrator.triggers.types.schedule import SCHEDULE, Schedule, between, evaluate

UID = "7f3c"


def schedule(**fields: Any) -> Schedule:
    return Schedule.model_validate({"cron": "0 * * * *", **fields})


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def local(due: Due) -> list[str]:
    return [event.data["localTime"] for event in due.events]


CHANGES = {
    "a night that skips an hour": (
        "Europe/Berlin",
        "2026-03-29",
        {
            "30 2 * * *": ["03:00:00+02:00"],
            "0 * * * *": ["00:00:00+01:00", "01:00:00+01:00", "03:00:00+02:00", "04:00:00+02:00"],
        },
    ),
    "a night that has an hour twice": (
        "America/New_York",
        "2026-11-01",
        {
            "30 1 * * *": ["01:30:00-04:00"],
            "0 * * * *": [
                "00:00:00-04:00",
                "01:00:00-04:00",
                "01:00:00-05:00",
                "02:00:00-05:00",
                "03:00:00-05:00",
                "04:00:00-05:00",
            ],
        },
    ),
    "a change of half an hour": (
        "Australia/Lord_Howe",
        "2026-04-05",
        {
            "45 1 * * *": ["01:45:00+11:00"],
            "0 * * * *": [
                "00:00:00+11:00",
                "01:00:00+11:00",
                "02:00:00+10:30",
                "03:00:00+10:30",
                "04:00:00+10:30",
            ],
        },
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_slots_through_a_change_to_daylight_saving(change: str) -> None:
    zone, day, expected = CHANGES[change]
    for cron, slots in expected.items():
        rules = schedule(cron=cron, timeZone=zone, catchUp=100)
        found = evaluate(rules, UID, at(f"{day}T00:00", zone) - 1, at(f"{day}T04:00", zone))
        assert [moment[11:] for moment in local(found)] == slots


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(5))
def test_each_slot_once_through_a_change_ten_restarts_and_a_step_of_the_clock(
    change: str, seed: int
) -> None:
    zone, day, _ = CHANGES[change]
    chance = random.Random(seed)
    rules = schedule(cron="*/20 * * * *", timeZone=zone, catchUp=100, jitter="90s")
    begin, end = at(f"{day}T00:00", zone) - 43_200, at(f"{day}T00:00", zone) + 43_200
    stored: dict[str, Event] = {}
    mark = now = begin
    restarts = sorted(chance.uniform(begin, end) for _ in range(10))
    step = chance.uniform(begin, end)
    while now < end:
        found = evaluate(rules, UID, mark, now)
        for event in found.events:
            stored.setdefault(event.identity, event)  # the name is there already
        crashed = bool(restarts) and now >= restarts[0]
        if crashed:
            restarts.pop(0)  # before the mark was written: all of it comes again
        else:
            mark = max(mark, found.mark)
        now += chance.uniform(1, 500)
        if now > step:
            now, step = now - 1800, float("inf")  # the clock was wrong, and is put right
    found = evaluate(rules, UID, mark, end + 3600)
    stored.update({event.identity: event for event in found.events})
    expected = evaluate(rules, UID, begin, end + 3600).events
    assert sorted(stored) == sorted(event.identity for event in expected)


def test_so_many_missed_slots_are_made_up_for_the_newest() -> None:
    now = at("2026-01-31T12:00:30")
    found = evaluate(schedule(catchUp=2), UID, at("2026-01-31T05:00"), now)
    assert [moment[11:16] for moment in local(found)] == ["10:00", "11:00", "12:00"]
    skipped = evaluate(schedule(catchUp=0), UID, at("2026-01-31T05:00"), now)
    assert [moment[11:16] for moment in local(skipped)] == ["12:00"]
    assert skipped.mark == at("2026-01-31T12:00")


def test_a_slot_that_was_skipped_does_not_come_back() -> None:
    rules = schedule(catchUp=0)
    first = evaluate(rules, UID, at("2026-01-31T05:00"), at("2026-01-31T11:30"))
    assert (first.events, first.mark) == ((), at("2026-01-31T11:00"))
    assert evaluate(rules, UID, first.mark, at("2026-01-31T11:31")).events == ()


def test_it_says_when_to_look_again() -> None:
    now = at("2026-01-31T11:30")
    assert evaluate(schedule(), UID, now, now).again == at("2026-01-31T12:00")


def test_jitter_delays_a_slot_by_the_same_time_whoever_looks() -> None:
    rules = schedule(jitter="10m")
    now = at("2026-01-31T11:30")
    again = evaluate(rules, UID, now, now).again
    assert again == evaluate(rules, UID, now, now + 60).again
    assert again is not None
    assert at("2026-01-31T12:00") <= again <= at("2026-01-31T12:10")
    assert evaluate(rules, UID, now, again - 1).events == ()
    assert len(evaluate(rules, UID, now, again).events) == 1


def test_a_clock_that_goes_back_starts_nothing_again() -> None:
    found = evaluate(schedule(), UID, at("2026-01-31T12:00"), at("2026-01-31T09:00"))
    assert (found.events, found.mark) == ((), at("2026-01-31T12:00"))
    assert found.again == at("2026-01-31T13:00")


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"cron": "61 * * * *"}, "cron", "minute"),
        ({"cron": "0 0 12 * * ? 2027"}, "cron", "a schedule has no year: write '0 0 12 * * *'"),
        ({"cron": "61 * * * * *"}, "cron", "the second is between 0 and 59"),
        ({"cron": "@often"}, "cron", "it has 1 field, and a schedule has five or six"),
        (
            {"cron": "*/5 * * * * *", "jitter": "11m"},
            "jitter",
            "at most 10m where cron has several",
        ),
        ({"startDeadline": "0s"}, "startDeadline", "longer than zero"),
        ({"jitter": "25h"}, "jitter", "at most 24h"),
        ({"timeZone": "Mars/Olympus"}, "timeZone", "write one such as Europe/Berlin"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(
    fields: dict[str, str], field: str, words: str
) -> None:
    (problem,) = SCHEDULE.problems("spec.schedule", schedule(**fields))
    assert problem.path == f"spec.schedule.{field}"
    assert words in problem.message


@pytest.mark.parametrize(
    ("minutes", "cron", "jitter", "catch_up"),
    [
        (1, "* * * * *", "5m", 1),
        (1, "* * * * *", "90s", 0),
        (15, "*/15 * * * *", "1h", 1),
        (10, "*/10 * * * *", "30m", 1),
        (60, "0 * * * *", "90m", 0),
        (60, "0 * * * *", "500ms", 0),
    ],
)
def test_jitter_longer_than_the_time_between_slots_loses_none_and_repeats_none(
    minutes: int, cron: str, jitter: str, catch_up: int
) -> None:
    rules = schedule(cron=cron, jitter=jitter, catchUp=catch_up)
    begin, end = at("2026-01-31T00:00"), at("2026-02-01T00:00")
    mark, now, fired = begin, begin, []
    while now < end:
        found = evaluate(rules, UID, mark, now, since=begin)
        fired += [event.identity for event in found.events]
        assert all(event.at <= now < event.at + 61 for event in found.events)
        mark = from_rfc3339(to_rfc3339(found.mark))  # as it is stored
        assert found.again is not None
        now = min(found.again, now + 60)
    slots = range(int(begin), int(end) - 5400, 60 * minutes)[1:]
    assert sorted(fired)[: len(slots)] == [str(slot) for slot in slots]
    assert len(fired) == len(set(fired))


def test_six_fields_begin_with_the_second() -> None:
    rules = schedule(cron="*/20 59 * * * *", catchUp=100)
    found = evaluate(rules, UID, at("2026-01-31T10:58"), at("2026-01-31T12:00"))
    expected = ["10:59:00", "10:59:20", "10:59:40", "11:59:00", "11:59:20", "11:59:40"]
    assert [moment[11:19] for moment in local(found)] == expected
    assert found.again == at("2026-01-31T12:59:00")
    soon = evaluate(rules, UID, at("2026-01-31T11:59:19"), at("2026-01-31T11:59:19"))
    assert soon.again == at("2026-01-31T11:59:20")


@pytest.mark.parametrize(
    ("cron", "day", "slots"),
    [
        ("15 30 2 * * *", "2026-03-29", ["03:00:15+02:00"]),
        ("15 30 2 * * *", "2026-10-25", ["02:30:15+02:00"]),
    ],
)
def test_a_schedule_with_seconds_follows_the_same_rules_for_daylight_saving(
    cron: str, day: str, slots: list[str]
) -> None:
    zone = "Europe/Berlin"
    rules = schedule(cron=cron, timeZone=zone, catchUp=100)
    found = evaluate(rules, UID, at(f"{day}T00:00", zone) - 1, at(f"{day}T05:00", zone))
    assert [moment[11:] for moment in local(found)] == slots


@pytest.mark.parametrize(
    ("name", "cron"),
    [("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
     ("@Midnight", "0 0 * * *"), ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *")],
)  # fmt: skip
def test_a_name_is_the_expression_that_it_stands_for(name: str, cron: str) -> None:
    zone, begin = "America/New_York", at("2026-01-01T00:00")
    named, written = (schedule(cron=each, timeZone=zone) for each in (name, cron))
    assert not list(SCHEDULE.problems("spec.schedule", named))
    year = begin + 366 * 86_400
    assert list(between(named, begin, year)) == list(between(written, begin, year))


@pytest.mark.parametrize("catch_up", [0, 3, 100])
def test_a_slot_that_is_later_than_its_deadline_never_starts(catch_up: int) -> None:
    rules = schedule(catchUp=catch_up, startDeadline="90m")
    now = at("2026-01-31T12:10")
    found = evaluate(rules, UID, at("2026-01-31T05:00"), now)
    expected = ["11:00", "12:00"] if catch_up else []
    assert [moment[11:16] for moment in local(found)] == expected
    assert found.mark == at("2026-01-31T12:00")
    assert evaluate(rules, UID, found.mark, now + 1).events == ()


def test_a_deadline_shorter_than_a_minute_is_kept_to() -> None:
    rules = schedule(startDeadline="10s")
    late = evaluate(rules, UID, at("2026-01-31T11:30"), at("2026-01-31T12:00:11"))
    on_time = evaluate(rules, UID, at("2026-01-31T11:30"), at("2026-01-31T12:00:09"))
    assert (len(late.events), len(on_time.events)) == (0, 1)


def test_a_period_has_each_of_its_slots_once_and_not_its_end() -> None:
    rules = schedule(cron="0 2 * * *", timeZone="Europe/Berlin")
    start, end = at("2026-03-28T01:00"), at("2026-03-31T00:00")
    found = [event.data["localTime"][:16] for event in between(rules, start, end)]
    assert found == ["2026-03-28T02:00", "2026-03-29T03:00", "2026-03-30T02:00"]
    assert [event.identity for event in between(rules, start, end)] == [
        event.identity
        for event in evaluate(
            schedule(cron="0 2 * * *", timeZone="Europe/Berlin", catchUp=100),
            UID,
            start - 1,
            end - 1,
        ).events
    ]


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Pacific/Chatham",
)
CRONS = ("30 2 * * *", "0 * * * *", "*/15 0-4 * * *", "10 1 * * SUN", "5 0,30 2 * * *", "@daily")
YEARS = st.integers(2012, 2036)


@settings(deadline=None, max_examples=20)
@given(
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from(CRONS),
    year=YEARS,
    seed=st.integers(0, 2**32),
    jitter=st.sampled_from([None, "45s", "20m"]),
)
def test_no_slot_is_skipped_or_fires_twice_for_two_leaders_over_a_year_of_any_zone(
    zone: str, cron: str, year: int, seed: int, jitter: str | None
) -> None:
    chance = random.Random(seed)
    fields = {} if jitter is None else {"jitter": jitter}
    rules = schedule(cron=cron, timeZone=zone, catchUp=100, **fields)
    begin = at(f"{year}-01-01T00:00")
    for month in (3, 4, 9, 10, 11):  # when zones change
        start = at(f"{year}-{month:02}-01T00:00") + chance.uniform(0, 20 * 86_400)
        end = start + 3 * 86_400
        fired: dict[str, float] = {}
        marks, clocks = [start, start], [start, start]
        while min(clocks) < end:
            leader = chance.randrange(2)
            now = clocks[leader]
            # A leader reads the stored mark when it starts, and then relies on its own.
            after = max(marks) if chance.random() < 0.2 else marks[leader]
            found = evaluate(rules, UID, after, now, since=begin)
            for event in found.events:
                assert fired.setdefault(event.identity, event.at) == event.at
                assert event.at <= now
            if chance.random() < 0.9:  # otherwise it crashes before it stores the mark
                marks[leader] = from_rfc3339(to_rfc3339(found.mark))
            clocks[leader] += chance.uniform(1, 2400)
            if chance.random() < 0.05:
                clocks[leader] -= chance.uniform(0, 3600)  # the clock is put right
        for leader in range(2):
            last = evaluate(rules, UID, marks[leader], end + 1800, since=begin)
            fired.update({event.identity: event.at for event in last.events})
        slots = [event.identity for event in between(rules, start + 1, end - 1800)]
        assert [slot for slot in slots if slot not in fired] == []
        assert len(slots) == len(set(slots))
