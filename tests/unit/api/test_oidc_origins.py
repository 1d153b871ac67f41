"""Requests of other sites, and places outside of ours."""

from __future__ import annotations

import pytest

from orchestrator.api.oidc.origins import is_own_path, is_protected, origin_of, refusal

OURS = "https://automation.example.com"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_must_come_from_our_own_pages(method: str) -> None:
    assert not refusal(method, {"origin": OURS}, OURS)
    assert not refusal(method, {"sec-fetch-site": "same-origin"}, OURS)
    for headers in (
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{OURS}.evil.example"},
        {"origin": "http://automation.example.com"},
        {"origin": ""},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ):
        assert refusal(method, headers, OURS), headers


def test_reading_needs_no_origin() -> None:
    assert not refusal("GET", {"origin": "https://evil.example"}, OURS)


@pytest.mark.parametrize("path", ["/", "/automation/me", "/a?b=c#d", "/%2F%2Fevil.example"])
def test_own_paths(path: str) -> None:
    assert is_own_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "automation", "//evil.example", "/\\evil.example", "\\\\evil", "https://evil.example",
     "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/a\\b", "/a b", "/é",
     " //evil.example", "/" + "a" * 2048, "/a\r\nSet-Cookie: x=y"],
)  # fmt: skip
def test_anything_else_is_no_own_path(path: str) -> None:
    assert not is_own_path(path)


def test_an_origin_is_written_as_browsers_do() -> None:
    assert origin_of("https://Automation.example.com:443/") == OURS
    assert origin_of("http://localhost:8091") == "http://localhost:8091"
    assert origin_of("http://[::1]:80") == "http://[::1]"
    for wrong in ("ftp://a", "https://a/b", "https://u@a", "https://a?b", "a", "https://a:x"):
        with pytest.raises(ValueError, match=r".+"):
            origin_of(wrong)


def test_plain_http_is_for_this_machine_only() -> None:
    assert is_protected("https://a")
    assert is_protected("http://127.0.0.1:1")
    for wrong in ("http://a", "http://localhost.evil.example", "ftp://localhost", "", "https://["):
        assert not is_protected(wrong)
