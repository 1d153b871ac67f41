"""A message is an event with its text and its files, however malformed it is."""

from __future__ import annotations

import encodings
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.triggers.mail.message import Message
from orchestrator.triggers.mail.structure import parts_of
from orchestrator.triggers.mail.text import clip, decode_text
from orchestrator.triggers.plan import MAX_EVENT_BYTES
from orchestrator.triggers.types.email import Mail, bodies_of, event_of
from tests.unit.triggers.mail.messages import HEADER, WITH_FILES, text_part


def data_of(message: Message) -> dict[str, Any]:
    return dict(event_of(message, 1).data)


def test_an_event_has_what_people_see_of_the_message() -> None:
    event = data_of(WITH_FILES)
    assert event["from"] == {"name": "Ana Müller", "address": "ana@example.com"}
    assert [each["address"] for each in event["to"]] == ["alice@example.com", "bob@example.com"]
    assert event["subject"] == "grüße and more"
    assert (event["text"], event["html"]) == ("hello", "<b>hello</b>")
    assert event["date"] == event["receivedAt"] == "2026-01-31T12:00:00.000Z"
    assert event["headers"] == {"auto-submitted": "no"}
    assert event["attachments"] == [
        {"name": "report.pdf", "contentType": "application/pdf", "size": 4000}
    ]
    assert not event["truncated"]


def test_only_text_is_fetched() -> None:
    assert [part.section for part in bodies_of(parts_of(WITH_FILES.structure))] == ["1.1", "1.2"]
    assert [part.section for part in bodies_of(parts_of(text_part()))] == ["1"]


@pytest.mark.parametrize(
    ("encoding", "charset", "data", "text"),
    [
        ("quoted-printable", "iso-8859-1", b"gr=FC=DFe =\r\nyou", "grüße you"),
        ("base64", "utf-8", b"Z3LDvMOfZQ==\r\n", "grüße"),
        ("base64", "utf-8", b"Z3LDvMOfZ", "grüß"),
        ("7bit", "no-such-charset", "grüße".encode(), "grüße"),
        ("", "utf-16", "grüße".encode("utf-16"), "grüße"),
        ("8bit", "utf-8", b"cut \xc3", "cut \ufffd"),
        ("7bit", "punycode", b"a-b", "a-b"),
    ],
)
def test_a_text_is_decoded_even_if_it_is_cut(
    encoding: str, charset: str, data: bytes, text: str
) -> None:
    assert decode_text(data, encoding, charset) == text


def test_a_message_without_an_id_is_known_by_its_uid_and_header() -> None:
    bare = replace(WITH_FILES, header=b"Subject: x\r\n\r\n")
    assert event_of(bare, 1).identity != event_of(bare, 2).identity
    assert event_of(bare, 1).identity != event_of(replace(bare, uid=8), 1).identity
    assert event_of(WITH_FILES, 1).identity == event_of(replace(WITH_FILES, uid=8), 2).identity


def test_the_largest_event_is_stored() -> None:
    names = b", ".join(b'"' + "ü".encode() * 400 + b'" <a%d@example.com>' % n for n in range(900))
    header = b"".join(
        field + b": " + "\x07ü".encode() * 3000 + b"\r\n"
        for field in (b"Subject", b"Message-ID", b"References", b"Reply-To", b"X-Mailer", b"Sender")
    )
    files = [
        (b"image", b"p" * 900, (b"name", b"\x01" * 900), None, None, b"base64", 9, None, None)
    ] * 300
    worst = Message(
        1, 0.0, 2**40,
        header=header + b"To: " + names + b"\r\nCc: " + names + b"\r\nFrom: " + names + b"\r\n\r\n",
        structure=([text_part(), text_part(b"html"), *files], b"mixed"),
        bodies={"1": b"\x01" * 65536, "2": b"\x02" * 65536},
    )  # fmt: skip
    event = data_of(worst)
    assert len(orjson.dumps(event)) < MAX_EVENT_BYTES
    assert event["truncated"]
    assert len(event["attachments"]) == 20


@given(st.text(), st.integers(1, 300))
def test_a_clipped_text_takes_no_more_than_its_size(text: str, size: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    clipped = clip(text, size)
    assert text.startswith(clipped)
    assert len(orjson.dumps(clipped)) - 2 <= size


leaves = st.one_of(st.none(), st.binary(max_size=20), st.integers(), st.text(max_size=5))
structures = st.recursive(
    leaves | st.just(text_part()),
    lambda inner: st.lists(inner, max_size=8).map(tuple) | st.lists(inner, max_size=4),
    max_leaves=40,
)
fields = st.sampled_from(
    [b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"References", b"Content-Type"]
)
values = st.binary(max_size=200) | st.sampled_from(
    [b"=?utf-8?b?!?=", b"=?x?q?=ZZ?=", b'"<@a:b>', b"a@b, ;:<>", b"Sat, 99 Foo 2026 99:99:99 +9999"]
)
headers = st.lists(st.tuples(fields, values)).map(
    lambda pairs: b"".join(name + b": " + value + b"\r\n" for name, value in pairs) + b"\r\n"
)


@settings(max_examples=400)
@given(
    header=headers | st.binary(max_size=500) | st.just(HEADER),
    structure=structures,
    bodies=st.dictionaries(st.sampled_from(["1", "1.1", "2"]), st.binary(max_size=200)),
)
def test_no_message_raises_or_breaks_the_schema(
    header: bytes, structure: Any, bodies: dict[str, bytes]
) -> None:
    event = data_of(Message(1, 0.0, 1, header, structure, bodies))
    assert Mail.model_validate(event).model_dump(mode="json", by_alias=True) == event
    assert len(orjson.dumps(event)) < MAX_EVENT_BYTES


@pytest.mark.parametrize("field", ["From", "To", "Cc", "Date"])
@pytest.mark.parametrize("value", ["(" * 500 + ")" * 500 + " a@example.com", "(" * 3_000])
def test_nested_comments_hold_up_nothing(field: str, value: str) -> None:
    header = f"{field}: {value}\r\nSubject: hello\r\n\r\n".encode()
    assert data_of(replace(WITH_FILES, header=header))["subject"] == "hello"


def test_names_of_charsets_that_do_not_exist_are_not_remembered() -> None:
    before = len(encodings._cache)
    words = " ".join(f"=?q{number:05}?q?a?=" for number in range(300))
    header = f"Subject: {words}\r\n\r\n".encode()
    assert data_of(replace(WITH_FILES, header=header))["subject"].startswith("aaa")
    assert decode_text(b"\xfc", "8bit", "no-such-charset") == "\ufffd"
    assert len(encodings._cache) <= before + 5


@pytest.mark.parametrize("charset", ["iso-8859-1", "ISO8859-1", "latin1", "windows-1252"])
def test_charsets_are_known_by_their_names(charset: str) -> None:
    assert decode_text(b"gr\xfcn", "8bit", charset) == "grün"
