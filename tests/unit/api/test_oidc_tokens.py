"""Which ID tokens and answers of a provider are believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from dev.ports import free_port
from orchestrator.api.oidc.attempt import Attempt
from orchestrator.api.oidc.errors import ProviderError, TokenError
from orchestrator.api.oidc.provider import DISCOVERY_SECONDS, Provider
from orchestrator.api.oidc.settings import ProviderSettings
from tests.certificates import server_certificate
from tests.fake_oidc_provider import CLIENT, KEY, FakeOidcProvider, fake_oidc_provider, signed
from tests.planted import planted

REDIRECT = "https://automation.example.com/automation/callback"
SECRET = planted("forged-client", "+/ ")


@pytest.fixture
def forged() -> Iterator[FakeOidcProvider]:
    with fake_oidc_provider() as provider:
        yield provider


class Client:
    """One login at the provider."""

    def __init__(self, forged: FakeOidcProvider, secret: str = "") -> None:
        settings = ProviderSettings(forged.issuer, CLIENT, lambda: secret)
        self.now = 0.0
        self.provider = Provider(settings, REDIRECT, monotonic=lambda: self.now)
        self.attempt = Attempt.new()
        forged.nonce = self.attempt.nonce

    def claims(self) -> Any:
        return self.provider.claims("code", self.attempt)


def test_the_given_authority_counts_whatever_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = server_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with fake_oidc_provider(certificate) as forged:
        for authority in (certificate.authority, None):
            settings = ProviderSettings(forged.issuer, CLIENT, str, ca_file=authority)
            provider, attempt = Provider(settings, REDIRECT), Attempt.new()
            forged.nonce = attempt.nonce
            if authority is not None:
                assert provider.claims("code", attempt)["sub"] == "ana"
                continue
            with pytest.raises(ProviderError, match="does not answer"):
                provider.claims("code", attempt)


def test_a_right_token_is_believed_and_the_code_has_its_verifier(forged: FakeOidcProvider) -> None:
    client = Client(forged)
    assert client.claims()["sub"] == "ana"
    [asked] = forged.asked
    assert asked["code_verifier"] == client.attempt.verifier
    assert (asked["code"], asked["redirect_uri"]) == ("code", REDIRECT)
    assert (asked["client_id"], asked["grant_type"]) == (CLIENT, "authorization_code")
    url = client.provider.authorization_url(client.attempt)
    assert "code_challenge_method=S256" in url
    assert client.attempt.verifier not in url
    assert f"nonce={client.attempt.nonce}" in url


def test_a_secret_is_sent_in_the_body_where_the_provider_takes_it(forged: FakeOidcProvider) -> None:
    forged.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    Client(forged, SECRET).claims()
    assert forged.asked[0]["client_secret"] == SECRET


def without_signature(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "kid": "1"}, claims)
    text = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*text, b""]).decode()


def with_public_key(claims: dict[str, Any]) -> str:
    """HMAC with the text of the public key as its secret."""
    head = without_signature(claims, "HS256").rstrip(".")
    made = hmac.new(KEY.as_pem(private=False), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


FOREIGN = RSAKey.generate_key(2048, {"kid": "1"})
WRONG = {
    "another audience": lambda claims: signed({**claims, "aud": "other"}),
    "no audience": lambda claims: signed({**claims, "aud": []}),
    "two audiences without azp": lambda claims: signed({**claims, "aud": [CLIENT, "other"]}),
    "issued for another": lambda claims: signed({**claims, "azp": "other"}),
    "another issuer": lambda claims: signed({**claims, "iss": "https://other.example"}),
    "another nonce": lambda claims: signed({**claims, "nonce": "other"}),
    "no nonce": lambda claims: signed({k: v for k, v in claims.items() if k != "nonce"}),
    "expired": lambda claims: signed({**claims, "exp": int(time.time()) - 120}),
    "no end": lambda claims: signed({k: v for k, v in claims.items() if k != "exp"}),
    "not valid yet": lambda claims: signed({**claims, "nbf": int(time.time()) + 600}),
    "another access token": lambda claims: signed({**claims, "at_hash": "AAAA"}),
    "a foreign key": lambda claims: signed(claims, FOREIGN),
    "no algorithm": lambda claims: without_signature(claims, "none"),
    "no algorithm, in capitals": lambda claims: without_signature(claims, "NONE"),
    "no signature": lambda claims: without_signature(claims, "RS256"),
    "HMAC with the public key": with_public_key,
    "HMAC with the client's name": lambda claims: signed(
        claims, OctKey.import_key(CLIENT.ljust(32)), "HS256"
    ),
    "no token": lambda _: None,
    "a number": lambda _: 42,
    "not a token": lambda _: "a.b.c",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_token_is_refused(forged: FakeOidcProvider, what: str) -> None:
    client = Client(forged)
    forged.token = WRONG[what]
    with pytest.raises(TokenError):
        client.claims()


def test_a_symmetric_key_among_those_of_the_provider_is_never_used(
    forged: FakeOidcProvider,
) -> None:
    shared = OctKey.import_key(b"k" * 32, {"kid": "1"})
    forged.keys = {"keys": [shared.as_dict(private=True), KEY.as_dict(private=False)]}
    forged.token = lambda claims: signed(claims, shared, "HS256")
    with pytest.raises(TokenError):
        Client(forged).claims()


def test_keys_may_be_replaced_and_be_of_other_kinds(forged: FakeOidcProvider) -> None:
    client = Client(forged)
    client.claims()
    new = ECKey.generate_key("P-256", {"kid": "1"})
    forged.keys = {"keys": [new.as_dict(private=False), {"kty": "NEW", "kid": "2"}]}
    forged.token = lambda claims: signed(claims, new, "ES256")
    assert client.claims()["sub"] == "ana"


def test_a_refused_code_is_refused_in_the_providers_words(forged: FakeOidcProvider) -> None:
    forged.refusal = {"error": "invalid_grant", "error_description": "used\u202e before\n"}
    with pytest.raises(TokenError, match="invalid_grant: used before"):
        Client(forged).claims()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "https://other.example"}, "must be equal to --oidc-issuer"),
        ({"issuer": None}, "must be equal"),
        ({"token_endpoint": "http://other.example/token"}, "no token_endpoint with https"),
        ({"jwks_uri": None}, "no jwks_uri"),
    ],
)
def test_a_wrong_description_is_refused(
    forged: FakeOidcProvider, change: dict[str, Any], said: str
) -> None:
    forged.metadata |= change
    with pytest.raises(ProviderError, match=said):
        Client(forged).claims()
    assert forged.asked == []


def test_a_provider_that_is_away_is_asked_again(forged: FakeOidcProvider) -> None:
    client = Client(forged)
    forged.status = 503
    with pytest.raises(ProviderError, match="503"):
        client.claims()
    forged.status = 200
    client.claims()
    forged.metadata["issuer"] = "https://other.example"
    client.claims()  # from memory
    client.now += DISCOVERY_SECONDS
    with pytest.raises(ProviderError, match="must be equal"):
        client.claims()
    nobody = Provider(ProviderSettings(f"http://127.0.0.1:{free_port()}", CLIENT), REDIRECT)
    with pytest.raises(ProviderError, match="does not answer"):
        nobody.claims("code", client.attempt)


def test_an_answer_of_another_issuer_is_refused(forged: FakeOidcProvider) -> None:
    provider = Client(forged).provider
    provider.check_issuer("")
    provider.check_issuer(forged.issuer)
    with pytest.raises(TokenError, match="other"):
        provider.check_issuer("https://other.example")
    forged.metadata["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(TokenError, match="no issuer"):
        Client(forged).provider.check_issuer("")


def test_the_logout_is_the_providers_where_it_has_one(forged: FakeOidcProvider) -> None:
    assert Client(forged).provider.end_session_url("https://a/") == ""
    forged.metadata["end_session_endpoint"] = "https://provider.example/end?x=y"
    url = Client(forged).provider.end_session_url("https://a/")
    assert url.startswith("https://provider.example/end?x=y&client_id=workflow&post_logout")
