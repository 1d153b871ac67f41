"""YAML scalars as kubectl resolves them.

kubectl and the API server read YAML with gopkg.in/yaml.v2 behind sigs.k8s.io/yaml. That is neither
YAML 1.1 nor 1.2: `yes` is a boolean and `0o17` is 15, but `12:30` is text. The rules follow
`resolve.go` of that library and Go's `strconv`; the result is that after the conversion to JSON, in
which a float without a fraction is an integer.
"""

from __future__ import annotations

import re
import struct
from datetime import date
from decimal import Decimal

from orchestrator.models.base import Json

TAG = "tag:yaml.org,2002:"
BOOL, FLOAT, INT, NULL, STR, TIMESTAMP = (
    TAG + name for name in ("bool", "float", "int", "null", "str", "timestamp")
)
BINARY = TAG + "binary"
RESOLVED_TAGS = ("", BOOL, FLOAT, INT, NULL, STR, TIMESTAMP)
"""Tags whose text is resolved; the text under any other tag is taken literally."""

INT64 = range(-(2**63), 2**63)
_UINT64 = 2**64
_MAX_DIGITS = 400
"""Number of digits beyond which a number is out of range, not counting leading zeros."""
_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_WORDS: dict[str, tuple[str, Json]] = {
    **dict.fromkeys(_TRUE, (BOOL, True)),
    **dict.fromkeys(_FALSE, (BOOL, False)),
    **dict.fromkeys(_NULL, (NULL, None)),
    **{word: (FLOAT, float("nan")) for word in (".nan", ".NaN", ".NAN")},
    **{
        sign + word: (FLOAT, float(sign + "inf"))
        for sign in ("", "+", "-")
        for word in (".inf", ".Inf", ".INF")
    },
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_POINT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES = (16, 2, 8, 10)
_BINARY = re.compile(r"0b([-+]?[01]+)")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})([.,][0-9]+)?)?",
    re.ASCII,
)


class UnresolvedError(ValueError):
    """The text does not match its tag."""


def resolve(tag: str, text: str, *, as_key: bool = False) -> Json:
    """The value of an unquoted scalar (tag "") or of one with an explicit tag.

    As a key, a float stays a float: its text is not that of an integer. Raises UnresolvedError. A
    float may be infinite or not a number, which JSON does not have.
    """
    if tag not in RESOLVED_TAGS or tag == STR:
        return text
    found, value = _resolve(tag, text)
    if tag == FLOAT and found == INT and isinstance(value, int) and value in INT64:
        found, value = FLOAT, float(value)
    if tag not in ("", found):
        wanted = tag.removeprefix(TAG)
        raise UnresolvedError(f"{text[:64]!r} is not a value of the tag !!{wanted}")
    if found == TIMESTAMP:
        return text
    return value if as_key else as_json(value)


def is_text(text: str) -> bool:
    """Whether the unquoted text is read as that string."""
    return isinstance(resolve("", text), str)


def as_json(value: Json) -> Json:
    """A number as JSON with 64-bit integers: an integer if it fits, otherwise a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        return value if value in INT64 else float(value)
    if not value.is_integer() or abs(value) >= _UINT64:
        return value
    # Go writes such a float as its shortest digits and zeros, and reads those as an integer.
    shortest = int(Decimal(repr(value)))
    return shortest if shortest in INT64 else value


def key_text(key: Json) -> str:
    """A key other than a boolean as JSON text. Raises UnresolvedError for a null."""
    match key:
        case str():
            return key
        case int() if key in INT64:
            return str(key)
        case float():
            return _float_key(key)
    raise UnresolvedError("a key must be a string, a number or a boolean")


def _resolve(tag: str, text: str) -> tuple[str, Json]:
    first = text[:1]
    if first not in "yYnNtTfFoO~.+-0123456789":
        return STR, text
    if text in _WORDS:
        return _WORDS[text]
    if first == ".":
        if _LEADING_POINT.fullmatch(text):
            return _float(text.replace("_", ""), text)
        return STR, text
    if first not in "+-0123456789":
        return STR, text
    if tag in ("", TIMESTAMP) and _is_timestamp(text):
        return TIMESTAMP, text
    return _number(text)


def _number(text: str) -> tuple[str, Json]:
    digits = text.replace("_", "")
    number = _integer(digits)
    if number is not None:
        return INT, number
    if _FLOAT.fullmatch(digits):
        return _float(digits, text)
    if binary := _BINARY.fullmatch(digits):  # with a second sign, which that library accepts
        number = int(binary[1], 2)
        if number in INT64:
            return INT, number
    return STR, text


def _integer(digits: str) -> int | None:
    """Go's ParseInt, then ParseUint, with base 0; None where both refuse."""
    match = _INTEGER.fullmatch(digits)
    if match is None or len(digits) > _MAX_DIGITS:
        return None
    sign, *found = match.groups()
    number = next(int(part, base) for part, base in zip(found, _BASES, strict=True) if part)
    if sign == "-":
        number = -number
    if number in INT64 or (not sign and number < _UINT64):
        return number
    return None


def _float(digits: str, text: str) -> tuple[str, Json]:
    value = float(digits)
    return (STR, text) if value in (float("inf"), float("-inf")) else (FLOAT, value)


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return False
    year, month, day, *rest = match.groups()
    clock = [int(part) for part in (*rest[:3], *rest[5:8]) if part]
    try:
        date(int(year) or 4, int(month), int(day))  # Go knows the year 0, a leap year
    except ValueError:
        return False
    return all(part < limit for part, limit in zip(clock, (24, 60, 60), strict=False))


def _float_key(value: float) -> str:
    """Go's FormatFloat(value, 'g', -1, 32): the shortest digits of the nearest 32-bit float."""
    if value != value:
        return ".nan"
    single = _single(value)
    if abs(single) == float("inf"):
        return ".inf" if single > 0 else "-.inf"
    shortest = next(f"{single:.{places}e}" for places in range(17) if _same(single, places))
    digits, exponent = shortest.split("e")
    if -4 <= int(exponent) < 6:
        return _positional(digits, int(exponent))
    return f"{digits}e{int(exponent):+03d}"


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _same(single: float, places: int) -> bool:
    return _single(float(f"{single:.{places}e}")) == single


def _positional(digits: str, exponent: int) -> str:
    places = max(len(digits.lstrip("-").replace(".", "")) - 1 - exponent, 0)
    return f"{float(f'{digits}e{exponent}'):.{places}f}"
