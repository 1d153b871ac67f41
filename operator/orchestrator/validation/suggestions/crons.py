"""Cron expressions of other schedulers, and intervals that cron cannot express."""

from __future__ import annotations

import re
from collections.abc import Callable

MACROS = {
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
_SECOND = ("second", 0, 59)
_RANGES = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_SIZES = (60, 24)
_NUMBER = re.compile(r"(?<![\w/#])[0-9]{1,4}(?!\w)")
_MINUTES_PER_DAY = 24 * 60


def correct(cron: str, is_valid: Callable[[str], bool]) -> str:
    """A correction of an invalid cron expression; empty if unknown."""
    text = " ".join(cron.split())
    if text.lower() == "@reboot":
        return "a schedule fires at fixed times, not at a reboot"
    if every := _EVERY.fullmatch(text):
        return _every(int(every[1] or 1), every[2][0].lower())
    fields = text.split()
    if len(fields) == 7 and is_valid(shorter := " ".join(fields[:6]).replace("?", "*")):
        return f"a schedule has no year: write '{shorter}'"
    if "?" in text and is_valid(changed := text.replace("?", "*")):
        return f"any day is *: write '{changed}'"
    if re.search(r"(?<!\w)H(?!\w)", text):
        return "H is Jenkins syntax; write a number, and `jitter: 10m` to spread the start times"
    return _out_of_range(fields) if len(fields) in (5, 6) else ""


def _every(count: int, unit: str) -> str:
    if unit == "w":
        return "write '0 0 * * 0' for every week" if count == 1 else ""
    minutes = count * {"m": 1, "h": 60, "d": _MINUTES_PER_DAY}[unit]
    cron = _cron_every(minutes)
    return f"write '{cron}'" if cron else _inexpressible(minutes)


def _cron_every(minutes: int) -> str:
    """The cron expression of this interval; empty if there is none."""
    if minutes and minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    if minutes and minutes % 60 == 0 and _MINUTES_PER_DAY % minutes == 0:
        hours = minutes // 60
        return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
    return ""


def _inexpressible(minutes: int) -> str:
    """The hint for an interval that one cron expression cannot express."""
    if minutes % 30 == 0 and _MINUTES_PER_DAY % minutes == 0 and minutes > 60:
        hours = minutes * 2 // 60
        first = minutes // 60
        return (
            f"every {minutes} minutes needs two Triggers:"
            f" '0 */{hours} * * *' and '30 {first}-23/{hours} * * *'"
        )
    return (
        "a cron expression has a regular interval only if the interval divides the hour or the day,"
        " such as '*/30 * * * *' or '0 */2 * * *'"
    )


def _out_of_range(fields: list[str]) -> str:
    ranges = _RANGES if len(fields) == len(_RANGES) else (_SECOND, *_RANGES)
    for text, (name, low, high) in zip(fields, ranges, strict=True):
        for number in _NUMBER.findall(text):
            if not low <= int(number) <= high:
                wraps = name in _NEXT_LARGER and int(number) == high + 1
                hint = f": write {low} instead" if wraps else ""
                return f"the {name} is between {low} and {high}, not {number}{hint}"
    return ""


def advise(cron: str) -> list[str]:
    """Warnings about a valid cron expression that probably does not fire as intended."""
    seconds, *fields = with_seconds(cron)
    warnings = []
    if step := _step(seconds, 60):
        warnings.append(_uneven_seconds(step))
    for at, size in enumerate(_SIZES):
        if step := _step(fields[at], size):
            warnings.append(_uneven(step, _RANGES[at][0], size))
    if fields[2] != "*" and fields[4] != "*" and not fields[2].startswith("*/"):
        warnings.append(
            f"'{cron}' fires on days that match the day of month {fields[2]} or the day of week"
            f" {fields[4]}, not only on those that match both"
        )
    return warnings


def with_seconds(cron: str) -> list[str]:
    """The six fields of a cron expression: macros are expanded, and a missing second is 0."""
    fields = MACROS.get(cron.strip().lower(), cron).split()
    return fields if len(fields) == 6 else ["0", *fields]


def _step(field: str, size: int) -> int:
    """The step of a field that does not divide its range; 0 if there is none."""
    step = re.fullmatch(r"\*/([0-9]{1,4})", field)
    if step is None or int(step[1]) < 2 or size % int(step[1]) == 0:
        return 0
    return int(step[1])


def _uneven_seconds(step: int) -> str:
    fires = ", ".join(str(at) for at in range(0, 60, step))
    return (
        f"'*/{step}' in the second restarts each minute, at {fires}; a regular interval divides"
        " the minute, such as '*/15 * * * * *'"
    )


def _uneven(step: int, name: str, size: int) -> str:
    minutes = step if name == "minute" else step * 60
    cron = _cron_every(minutes)
    hint = f"write '{cron}'" if cron else _inexpressible(minutes)
    if step > size:
        return f"'*/{step}' in the {name} is beyond its {size} values, so it means 0; {hint}"
    fires = ", ".join(str(at) for at in range(0, size, step))
    return f"'*/{step}' in the {name} restarts each {_NEXT_LARGER[name]}, at {fires}; {hint}"


_NEXT_LARGER = {"second": "minute", "minute": "hour", "hour": "day"}
