"""What browsers keep cannot be read, changed, or used for something else or for longer."""

from __future__ import annotations

import base64
import json

import pytest
from joserfc import jws, jwt
from joserfc.jwk import OctKey

from orchestrator.api.oidc.sealed_cookies import CookieSealer, read_keys

FIRST, SECOND, FOREIGN = b"1" * 32, b"2" * 48, b"3" * 32


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sealer_of(*keys: bytes, now: Clock) -> CookieSealer:
    return CookieSealer(lambda: keys, now)


def test_it_is_opened_by_whoever_has_the_key_until_it_ends() -> None:
    clock = Clock()
    sealed = sealer_of(FIRST, now=clock).seal("session", {"user": "ana"}, 60)
    assert "ana" not in sealed
    other = sealer_of(FIRST, now=clock)
    opened = other.open("session", sealed)
    assert opened is not None
    assert (opened["user"], opened["exp"]) == ("ana", 1060)
    assert other.open("login", sealed) is None
    clock.now = 1060
    assert other.open("session", sealed) is None


def test_keys_are_replaced_one_after_the_other() -> None:
    clock = Clock()
    old = sealer_of(FIRST, now=clock).seal("session", {}, 60)
    both = sealer_of(SECOND, FIRST, now=clock)
    assert both.open("session", old) is not None
    new = both.seal("session", {}, 60)
    assert sealer_of(SECOND, now=clock).open("session", new) is not None
    assert sealer_of(SECOND, now=clock).open("session", old) is None
    assert sealer_of(FOREIGN, now=clock).open("session", new) is None


def test_keys_that_are_replaced_meanwhile_are_used_with_the_next_value() -> None:
    keys = [FIRST]
    sealer = CookieSealer(lambda: tuple(keys), Clock())
    old = sealer.seal("session", {}, 60)
    keys[:] = [SECOND, FIRST]
    assert sealer.open("session", old) is not None
    new = sealer.seal("session", {}, 60)
    keys[:] = [SECOND]
    assert sealer.open("session", old) is None
    assert sealer.open("session", new) is not None


def test_each_change_of_a_byte_is_noticed() -> None:
    sealer = sealer_of(FIRST, now=Clock())
    sealed = sealer.seal("session", {"user": "ana"}, 60)
    for at in range(0, len(sealed), 7):
        letter = "A" if sealed[at] != "A" else "B"
        changed = sealed[:at] + letter + sealed[at + 1 :]
        assert sealer.open("session", changed) is None, at


def test_nothing_else_is_opened() -> None:
    sealer = sealer_of(FIRST, now=Clock())
    claims = {"user": "ana", "aud": "session", "exp": 9999}
    signed = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(FIRST))
    part = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
            for each in ({"alg": "none"}, claims)]  # fmt: skip
    kept = jws.serialize_compact({"alg": "HS256"}, b"x", OctKey.import_key(FIRST))
    unsigned = f"{part[0]}.{part[1]}."
    for text in ("", ".", "....", "a.b.c.d.e", "é", "\x00", "x" * 5000, signed, kept, unsigned,
                 f"{part[0]}....", "null.null.null.null.null"):  # fmt: skip
        assert sealer.open("session", text) is None, text


def test_a_file_of_keys() -> None:
    lines = [base64.b64encode(key).decode() for key in (FIRST, SECOND)]
    assert read_keys("\n".join([*lines, "", ""])) == (FIRST, SECOND)
    for text, said in (("", "no key"), ("x!", "line 1 is not base64"),
                       (f"{lines[0]}\nAAAA", "line 2 has 3 bytes")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            read_keys(text)
