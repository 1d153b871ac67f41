"""A page of a bucket's listing: what is asked, and what the storage answers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from orchestrator.engine.times import from_rfc3339
from orchestrator.triggers.types.file_watch import Found

PAGE = 1000
"""Objects in a page, the most that storages give."""
MAX_ETAG = 128
"""Characters of an ETag that are kept; those of S3 have at most 38."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Maximum size of a page: 1,000 keys of 1,024 characters, encoded, and what is said about each."""
MAX_ERROR_BYTES = 64 * 1024
"""Maximum size of an error answer that is read."""
MAX_ELEMENTS, MAX_ELEMENT_DEPTH = 20_000, 8
"""Maximum number and depth of a page's elements: an object has about ten, each costs memory."""
_CHUNK = 16 * 1024


class ListingError(ValueError):
    """An answer is no page of a listing."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing."""

    objects: tuple[Found, ...]
    next: str
    """The token of the next page; empty on the last."""


def query_of(prefix: str, token: str) -> dict[str, str]:
    """The query of a page; keys are asked for encoded, since XML cannot carry every character."""
    query = {"list-type": "2", "max-keys": str(PAGE), "encoding-type": "url"}
    if prefix:
        query["prefix"] = prefix
    if token:
        query["continuation-token"] = token
    return query


def read_page(body: bytes) -> Page:
    """The page in an answer. Raises ListingError."""
    root = _parsed(body)
    if _name(root) != "ListBucketResult":
        raise ListingError(f"the answer is {_name(root)[:60]!r} instead of a listing")
    encoded = _text(root, "EncodingType") == "url"
    token = ""
    if _text(root, "IsTruncated") == "true":
        token = _text(root, "NextContinuationToken")
        if not token:
            raise ListingError("the answer has more pages, but no token of the next one")
    objects = (_object(each, encoded) for each in root if _name(each) == "Contents")
    return Page(tuple(found for found in objects if found is not None), token)


def error_of(body: bytes) -> tuple[str, str]:
    """Code and message of an error answer; empty if it has none."""
    try:
        root = _parsed(body)
    except ListingError:
        return "", ""
    return _text(root, "Code")[:80], _text(root, "Message")[:200]


def _parsed(body: bytes) -> Element:
    # A zero byte: UTF-16, in which a document type could hide.
    if b"<!DOCTYPE" in body or b"\0" in body:
        raise ListingError("the answer has a document type or another encoding than UTF-8")
    parser: Any = XMLPullParser(("start", "end"))  # without a document type there are no entities
    root: Element | None = None
    count = depth = 0
    try:
        for begin in range(0, len(body), _CHUNK):
            parser.feed(body[begin : begin + _CHUNK])
            for kind, element in parser.read_events():
                root = element if root is None else root
                depth += 1 if kind == "start" else -1
                count += kind == "start"
                if depth > MAX_ELEMENT_DEPTH or count > MAX_ELEMENTS:
                    raise ListingError("the answer has more elements than any listing")
        parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise ListingError(f"the answer is no XML: {error}") from error
    if root is None:
        raise ListingError("the answer is empty")
    return root


def _object(entry: Element, encoded: bool) -> Found | None:
    """The object of an entry; None if it lacks what every storage gives."""
    key = _text(entry, "Key")
    try:
        modified = from_rfc3339(_text(entry, "LastModified"))
        size = int(_text(entry, "Size"))
    except (ValueError, OverflowError):
        return None
    if encoded:
        key = unquote_plus(key, errors="replace")
    etag = _text(entry, "ETag").strip('"')[:MAX_ETAG]
    return Found(key, size, modified, etag or f"{modified}/{size}", modified) if key else None


def _text(parent: Element, name: str) -> str:
    return next((each.text or "" for each in parent if _name(each) == name), "")


def _name(element: Element) -> str:
    """Without its namespace: storages disagree about it."""
    return element.tag.rpartition("}")[2]
