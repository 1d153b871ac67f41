"""The parts of a message, from the BODYSTRUCTURE that an IMAP server gives.

RFC 3501, section 7.4.2. Servers send what they made of malformed messages, so any shape is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_PARTS = 200
"""Maximum number of parts that are read."""
MAX_DEPTH = 10
"""Maximum nesting of multiparts that are read."""
_DISPOSITIONS = {"text": 9, "message": 11}
"""Where the disposition of a part is, by its type; of others at 8."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that is no multipart."""

    section: str
    """Its number in FETCH, such as 1.2."""
    type: str
    """Its media type, such as text/plain."""
    charset: str
    encoding: str
    """Its transfer encoding."""
    size: int
    """In bytes, as transferred."""
    filename: str
    attached: bool
    """Whether it is an attachment, or a file by its name."""


def parts_of(structure: Any) -> list[Part]:
    """The parts, in the order of the message; none if the structure cannot be read."""
    found: list[Part] = []
    for part in _parts(structure, "", 0):
        found.append(part)
        if len(found) == MAX_PARTS:
            break
    return found


def body_part(parts: Sequence[Part], media_type: str) -> Part | None:
    """The first part with this type that is no attachment."""
    return next((each for each in parts if each.type == media_type and not each.attached), None)


def _parts(structure: Any, section: str, depth: int) -> Iterator[Part]:
    if not isinstance(structure, tuple | list) or not structure or depth > MAX_DEPTH:
        return
    children = _children(structure)
    if children is None:
        yield _part(structure, section or "1")
        return
    prefix = f"{section}." if section else ""
    for number, child in enumerate(children[:MAX_PARTS], 1):
        yield from _parts(child, f"{prefix}{number}", depth + 1)


def _children(structure: Sequence[Any]) -> list[Any] | None:
    """The parts of a multipart; None for any other part."""
    first = structure[0]
    if isinstance(first, list):
        return first
    if isinstance(first, tuple):
        return [each for each in structure if isinstance(each, tuple | list)]
    return None


def _part(fields: Sequence[Any], section: str) -> Part:
    main, parameters = _text(_at(fields, 0)).lower(), _mapping(_at(fields, 2))
    disposition = _at(fields, _DISPOSITIONS.get(main, 8))
    kind, given = "", dict[str, str]()
    if isinstance(disposition, tuple | list) and disposition:
        kind, given = _text(disposition[0]).lower(), dict(_mapping(_at(disposition, 1)))
    filename = given.get("filename") or parameters.get("name") or ""
    size = _at(fields, 6)
    return Part(
        section=section,
        type=f"{main}/{_text(_at(fields, 1)).lower()}",
        charset=parameters.get("charset", ""),
        encoding=_text(_at(fields, 5)).lower(),
        size=size if isinstance(size, int) and size >= 0 else 0,
        filename=filename,
        attached=kind == "attachment" or bool(filename) or main == "message",
    )


def _mapping(pairs: Any) -> Mapping[str, str]:
    """Parameters: names in lower case and values, one after the other."""
    if not isinstance(pairs, tuple | list):
        return {}
    texts = [_text(each) for each in pairs]
    return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=False)}


def _at(fields: Sequence[Any], index: int) -> Any:
    return fields[index] if index < len(fields) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
