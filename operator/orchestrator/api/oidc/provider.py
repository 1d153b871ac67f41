"""The OpenID provider: its discovery document, its tokens and its keys.

Authlib makes the requests of the authorization code flow (RFC 6749, PKCE by RFC 7636), joserfc
verifies signatures, and Authlib's CodeIDToken the claims. Methods block.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from orchestrator.api.oidc.attempt import Attempt
from orchestrator.api.oidc.errors import ProviderError, TokenError
from orchestrator.api.oidc.origins import is_protected
from orchestrator.api.oidc.settings import ProviderSettings

logger = logging.getLogger(__name__)
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
"""Signatures that are accepted: those that kube-apiserver knows. `none` and HMAC are not."""
KEY_TYPES = ("RSA", "EC")
DISCOVERY = "/.well-known/openid-configuration"
DISCOVERY_SECONDS = 300.0
"""Seconds for which a discovery document is used again."""
ANSWER_SECONDS = 10.0
LEEWAY_SECONDS = 60
"""By how much the provider's clock may differ."""


class Provider:
    """An OpenID provider; it is found when it is first needed."""

    def __init__(
        self,
        settings: ProviderSettings,
        redirect_uri: str,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = settings.issuer
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._monotonic = monotonic
        self._now = now
        self._found: Mapping[str, Any] = {}
        self._found_at = float("-inf")

    def authorization_url(self, attempt: Attempt) -> str:
        """Where the browser logs in. Raises ProviderError."""
        endpoint = self._endpoint("authorization_endpoint")
        with self._session() as session:
            url, _ = session.create_authorization_url(
                endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def claims(self, code: str, attempt: Attempt) -> Mapping[str, Any]:
        """The claims of the ID token that the code gives. Raises ProviderError, TokenError."""
        endpoint, keys = self._endpoint("token_endpoint"), self._endpoint("jwks_uri")
        with self._session() as session:
            try:
                tokens = session.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                    redirect_uri=self._redirect_uri,
                    allow_redirects=False,
                    verify=self._authority,
                )
            except AuthlibBaseError as error:
                raise TokenError(f"the provider refuses the login: {_said(error)}") from error
            except (requests.RequestException, ValueError) as error:
                raise self._unreachable(endpoint, error) from error
            known = _signing_keys(self._read(session, keys))
        text = tokens.get("id_token") if isinstance(tokens, dict) else None
        if not isinstance(text, str):
            raise TokenError("the provider sent no ID token; --oidc-scopes must contain openid")
        return self._verified(text, known, attempt, tokens.get("access_token"))

    def end_session_url(self, after: str) -> str:
        """Where the browser logs out at the provider; empty if it offers none, or is unreachable.

        https://openid.net/specs/openid-connect-rpinitiated-1_0.html
        """
        try:
            endpoint = self._metadata().get("end_session_endpoint")
        except ProviderError as error:
            logger.warning("logged out here only: %s", error)
            return ""
        if not isinstance(endpoint, str) or not is_protected(endpoint):
            return ""
        asked = {"client_id": self._settings.client_id, "post_logout_redirect_uri": after}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def check_issuer(self, named: str) -> None:
        """Check the issuer in a response (RFC 9207). Raises TokenError, ProviderError."""
        required = self._metadata().get("authorization_response_iss_parameter_supported")
        if named != self.issuer and (named or required is True):
            raise TokenError(f"the answer is from {named[:256] or 'no issuer'}, not {self.issuer}")

    def _verified(
        self, text: str, keys: KeySet, attempt: Attempt, access_token: object
    ) -> Mapping[str, Any]:
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        params = {
            "nonce": attempt.nonce,
            "client_id": self._settings.client_id,
            "access_token": access_token,
        }
        try:
            token = jwt.decode(text, keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(now=int(self._now()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, LookupError, TypeError) as error:
            raise TokenError(f"the ID token is refused: {error}") from error
        return dict(claims)

    def _session(self) -> Any:
        settings = self._settings
        return OAuth2Session(
            settings.client_id,
            settings.client_secret() or None,
            scope=" ".join(settings.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=self._client_authentication(),
            default_timeout=ANSWER_SECONDS,
        )

    @property
    def _authority(self) -> str | bool:
        """For each request: requests prefers REQUESTS_CA_BUNDLE to the authority of a session."""
        return True if self._settings.ca_file is None else str(self._settings.ca_file)

    def _client_authentication(self) -> str:
        """A secret in the body needs no encoding that providers understand differently."""
        if not self._settings.client_secret():
            return "none"
        offered = self._found.get("token_endpoint_auth_methods_supported") or ()
        return "client_secret_post" if "client_secret_post" in offered else "client_secret_basic"

    def _endpoint(self, name: str) -> str:
        url = self._metadata().get(name)
        if not isinstance(url, str) or not is_protected(url):
            raise ProviderError(f"the provider {self.issuer} has no {name} with https")
        return url

    def _metadata(self) -> Mapping[str, Any]:
        if self._monotonic() - self._found_at < DISCOVERY_SECONDS:
            return self._found
        with self._session() as session:
            found = self._read(session, self.issuer.rstrip("/") + DISCOVERY)
        if found.get("issuer") != self.issuer:
            raise ProviderError(
                f"the provider calls itself {str(found.get('issuer'))[:256]!r}, which must be equal"
                f" to --oidc-issuer {self.issuer}"
            )
        self._found, self._found_at = found, self._monotonic()
        return found

    def _read(self, session: Any, url: str) -> dict[str, Any]:
        try:
            answer = session.get(
                url, withhold_token=True, allow_redirects=False, verify=self._authority
            )
            if answer.status_code != 200:
                raise ProviderError(f"the provider answers {url} with {answer.status_code}")
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(url, error) from error
        if not isinstance(found, dict):
            raise ProviderError(f"the provider answers {url} with no object")
        return found

    def _unreachable(self, url: str, error: Exception) -> ProviderError:
        logger.warning("no answer from the provider at %s: %s", url, error)
        return ProviderError(f"the provider {self.issuer} does not answer; try again later")


def _signing_keys(found: Mapping[str, Any]) -> KeySet:
    """Only public keys of asymmetric algorithms: no other can verify what only they sign."""
    listed = found.get("keys")
    usable = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict) and key.get("kty") in KEY_TYPES and key.get("use") != "enc"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, LookupError, TypeError) as error:
        raise ProviderError(f"the provider's keys cannot be read: {error}") from error


def _said(error: AuthlibBaseError) -> str:
    text = f"{error.error}: {error.description}" if error.description else str(error.error)
    return "".join(letter for letter in text if letter.isprintable())[:256]
