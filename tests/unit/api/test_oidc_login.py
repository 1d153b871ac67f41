"""The login of a browser: what it must bring back, and what it then keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator.api.oidc.errors import LoginError, TokenError
from orchestrator.api.oidc.factory import make_login
from orchestrator.api.oidc.identity import Claims, IdentityError
from orchestrator.api.oidc.login import Login, Redirect
from orchestrator.api.oidc.settings import LoginSettings, ProviderSettings
from tests.fake_oidc_provider import CLIENT, FakeOidcProvider, fake_oidc_provider, signed

OURS = "https://automation.example.com"
NAME = "__Host-itechsmart-session"


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Visit:
    """A browser at our address."""

    def __init__(self, forged: FakeOidcProvider, external: str = OURS) -> None:
        self.forged = forged
        self.clock = Clock()
        settings = LoginSettings(
            ProviderSettings(forged.issuer, CLIENT),
            external,
            lambda: (b"k" * 32,),
            Claims("sub", "groups"),
            session_seconds=3600,
        )
        self.login: Login = make_login(settings, self.clock)
        self.cookie = ""
        self.query: dict[str, str] = {}

    def begin(self, path: str = "/automation/me") -> None:
        begun = self.login.begin(path)
        self.cookie = value_of(begun.cookies[0])
        asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.location).query).items()}
        self.forged.nonce = asked["nonce"]
        self.query = {"code": "code", "state": asked["state"]}

    def finish(self) -> Redirect:
        return self.login.finish(self.query, self.cookie)


def value_of(cookie: str) -> str:
    return cookie.partition("=")[2].partition(";")[0]


@pytest.fixture
def forged() -> Iterator[FakeOidcProvider]:
    with fake_oidc_provider() as provider:
        yield provider


@pytest.fixture
def visit(forged: FakeOidcProvider) -> Visit:
    return Visit(forged)


def test_a_login_ends_where_it_was_asked_for_with_a_session(visit: Visit) -> None:
    visit.forged.token = lambda claims: signed({**claims, "groups": ["sre"]})
    visit.begin("/automation/workflows?namespace=shop")
    done = visit.finish()
    assert done.location == f"{OURS}/automation/workflows?namespace=shop"
    kept, dropped = done.cookies
    assert kept.startswith(f"{NAME}=")
    assert kept.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
    assert dropped.startswith("__Host-itechsmart-login=; Path=/; Max-Age=0;")
    session = visit.login.session(value_of(kept))
    assert session is not None
    assert session.identity.impersonated().user == "oidc:ana"
    assert session.ends <= visit.clock.now + 3600
    visit.clock.now += 3600
    assert visit.login.session(value_of(kept)) is None


def test_a_browser_brings_back_its_own_login(visit: Visit) -> None:
    visit.begin()
    first, state = visit.cookie, visit.query["state"]
    visit.begin()
    for cookie, query in (
        ("", visit.query),
        ("x", visit.query),
        (first, visit.query),
        (visit.cookie, {**visit.query, "state": state}),
        (visit.cookie, {**visit.query, "state": "é\ud800"}),
        (visit.cookie, {"code": "code"}),
    ):
        with pytest.raises(LoginError):
            visit.login.finish(query, cookie)
    assert visit.forged.asked == []  # no code was given away
    visit.clock.now += 601
    with pytest.raises(LoginError, match="10 minutes"):
        visit.finish()


def test_the_token_of_another_login_is_refused(visit: Visit) -> None:
    visit.begin()
    visit.forged.nonce = "of-another-login"
    with pytest.raises(TokenError, match="nonce"):
        visit.finish()


def test_a_refusal_of_the_provider_is_passed_on(visit: Visit) -> None:
    visit.begin()
    visit.query |= {"error": "access_denied", "error_description": "not\u202e today"}
    with pytest.raises(TokenError, match="access_denied not today"):
        visit.finish()


def test_a_session_is_no_login_and_a_login_no_session(visit: Visit) -> None:
    visit.begin()
    assert visit.login.session(visit.cookie) is None
    session = value_of(visit.finish().cookies[0])
    with pytest.raises(LoginError):
        visit.login.finish(visit.query, session)


@pytest.mark.parametrize("claim", [{"sub": "system:admin"}, {"groups": ["sre", "system:masters"]}])
def test_names_of_kubernetes_are_refused(visit: Visit, claim: dict[str, object]) -> None:
    visit.forged.token = lambda claims: signed({**claims, **claim})
    visit.begin()
    with pytest.raises(IdentityError, match="system:"):
        visit.finish()


def test_groups_that_do_not_fit_name_the_option_that_narrows_them(visit: Visit) -> None:
    groups = [f"department-{number:04}" for number in range(300)]
    visit.forged.token = lambda claims: signed({**claims, "groups": groups})
    visit.begin()
    with pytest.raises(IdentityError, match="--oidc-groups-filter"):
        visit.finish()


def test_cookies_of_a_plain_address_need_no_tls(forged: FakeOidcProvider) -> None:
    visit = Visit(forged, "http://localhost:8091")
    assert visit.login.session_cookie == "itechsmart-session"
    visit.begin()
    assert "Secure" not in visit.finish().cookies[0]


def test_a_logout_drops_the_session_and_goes_to_the_provider(visit: Visit) -> None:
    assert visit.login.leave().location == f"{OURS}/"
    [dropped] = visit.login.leave().cookies
    assert dropped.startswith(f"{NAME}=; Path=/; Max-Age=0;")
