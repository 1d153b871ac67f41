"""Pages of listings, from any storage."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.triggers.s3.listing import ListingError, error_of, query_of, read_page

OBJECT = (
    "<Contents><Key>{key}</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>"
    "<ETag>&quot;9dd4&quot;</ETag><Size>3</Size></Contents>"
)
LISTING = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListBucketResult>'


def page_of(*parts: str) -> bytes:
    return LISTING.format("".join(parts)).encode()


def test_keys_are_kept_as_they_are() -> None:
    encoded = "<EncodingType>url</EncodingType>"
    keys = ["in/a+b%20c", "a%2F%2Fb", "..%2Fx", "dir%2F", "%C3%BC", "%0A"]
    page = read_page(page_of(encoded, *(OBJECT.format(key=key) for key in keys)))
    assert [each.key for each in page.objects] == ["in/a b c", "a//b", "../x", "dir/", "ü", "\n"]
    assert page.next == ""
    plain = read_page(page_of(OBJECT.format(key="a%20b+c")))
    assert plain.objects[0].key == "a%20b+c"
    assert (plain.objects[0].version, plain.objects[0].size) == ("9dd4", 3)


def test_the_next_page_has_the_token_of_this_one() -> None:
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t=1</NextContinuationToken>"
    page = read_page(page_of(more))
    assert query_of("in/", page.next)["continuation-token"] == "t=1"
    with pytest.raises(ListingError, match="no token"):
        read_page(page_of("<IsTruncated>true</IsTruncated>"))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no XML"),
        (b"<html></html>", "'html' instead of a listing"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><ListBucketResult/>', "document type"),
        ('<?xml version="1.0" encoding="UTF-16"?><ListBucketResult/>'.encode("utf-16"), "encoding"),
    ],
)
def test_what_is_no_listing_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(ListingError, match=problem):
        read_page(body)


def test_an_object_without_size_or_time_is_left_out() -> None:
    assert read_page(page_of("<Contents><Key>a</Key></Contents>")).objects == ()


def test_an_error_has_its_code() -> None:
    body = b"<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>"
    assert error_of(body) == ("NoSuchBucket", "gone")
    assert error_of(b"<html>") == ("", "")


@given(st.binary() | st.text().map(lambda text: page_of(text)))
def test_nothing_else_is_raised(body: bytes) -> None:
    error_of(body)
    with suppress(ListingError):
        read_page(body)


@pytest.mark.parametrize("inside", ["<a/>" * 20_001, "<a>" * 9 + "</a>" * 9])
def test_an_answer_of_elements_without_end_is_no_listing(inside: str) -> None:
    with pytest.raises(ListingError, match="more elements than any listing"):
        read_page(page_of(inside))
    assert error_of(page_of(inside)) == ("", "")
