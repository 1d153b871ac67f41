"""Cron expressions of other schedulers, and intervals that five fields cannot express."""

from __future__ import annotations

import re
from collections.abc import Callable

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = re.compile(
    r"@?every\s+(?:([0-9]{1,4})\s*)?(m|mins?|minutes?|h|hours?|d|days?|weeks?)", re.IGNORECASE
)
_RANGES = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_SIZES = (60, 24)
_NUMBER = re.compile(r"(?<![\w/#])[0-9]{1,4}(?!\w)")
_MINUTES_A_DAY = 24 * 60


def correct(cron: str, reads: Callable[[str], bool]) -> str:
    """What to write instead of an invalid cron expression; empty if unknown."""
    text = " ".join(cron.split())
    if macro := _MACROS.get(text.lower()):
        return f"names are not read: write '{macro}'"
    if text.lower() == "@reboot":
        return "a schedule fires at moments of the clock, not at the start of something"
    if every := _EVERY.fullmatch(text):
        return _every(int(every[1] or 1), every[2][0].lower())
    fields = text.split()
    if len(fields) in (6, 7):
        fields = fields[1:6]
        if reads(shorter := " ".join(fields).replace("?", "*")):
            return f"a schedule has five fields and counts no seconds: write '{shorter}'"
    if "?" in text and reads(changed := text.replace("?", "*")):
        return f"any day is *: write '{changed}'"
    if re.search(r"(?<!\w)H(?!\w)", text):
        return "H is Jenkins'; write a number, and `jitter: 10m` to spread what starts together"
    return _out_of_range(fields) if len(fields) == 5 else ""


def _every(count: int, unit: str) -> str:
    if unit == "w":
        return "write '0 0 * * 0' for every week" if count == 1 else ""
    minutes = count * {"m": 1, "h": 60, "d": _MINUTES_A_DAY}[unit]
    cron = _of_minutes(minutes)
    return f"write '{cron}'" if cron else _cannot(minutes)


def _of_minutes(minutes: int) -> str:
    """The cron expression of this interval; empty if there is none."""
    if minutes and minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    if minutes and minutes % 60 == 0 and _MINUTES_A_DAY % minutes == 0:
        hours = minutes // 60
        return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
    return ""


def _cannot(minutes: int) -> str:
    """How to fire at an interval that one cron expression cannot express."""
    if minutes % 30 == 0 and _MINUTES_A_DAY % minutes == 0 and minutes > 60:
        hours = minutes * 2 // 60
        first = minutes // 60
        return (
            f"every {minutes} minutes takes two Triggers:"
            f" '0 */{hours} * * *' and '30 {first}-23/{hours} * * *'"
        )
    return (
        "a cron expression has a regular interval only where it divides the hour or the day,"
        " such as '*/30 * * * *' or '0 */2 * * *'"
    )


def _out_of_range(fields: list[str]) -> str:
    for at, (text, (name, low, high)) in enumerate(zip(fields, _RANGES, strict=True)):
        for number in _NUMBER.findall(text):
            if not low <= int(number) <= high:
                hint = (
                    f": write {low} instead" if at < len(_SIZES) and int(number) == high + 1 else ""
                )
                return f"the {name} is between {low} and {high}, not {number}{hint}"
    return ""


def advise(cron: str) -> list[str]:
    """A warning about a valid cron expression that does not do what it seems to."""
    fields = cron.split()
    found = []
    for at, size in enumerate(_SIZES):
        step = re.fullmatch(r"\*/([0-9]{1,4})", fields[at])
        if step is None or int(step[1]) < 2 or size % int(step[1]) == 0:
            continue
        found.append(_uneven(int(step[1]), _RANGES[at][0], size))
    if fields[2] != "*" and fields[4] != "*" and not fields[2].startswith("*/"):
        found.append(
            f"'{cron}' fires on days that match the day of month {fields[2]} or the day of week"
            f" {fields[4]}, not only on those that match both"
        )
    return found


def _uneven(step: int, name: str, size: int) -> str:
    minutes = step if name == "minute" else step * 60
    right = _of_minutes(minutes)
    right = f"write '{right}'" if right else _cannot(minutes)
    if step > size:
        return f"'*/{step}' in the {name} is beyond its {size} values, so it means 0; {right}"
    fires = ", ".join(str(at) for at in range(0, size, step))
    return f"'*/{step}' in the {name} restarts each {_AROUND[name]}, at {fires}; {right}"


_AROUND = {"minute": "hour", "hour": "day"}
