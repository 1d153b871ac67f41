"""The options of the login of browsers, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from orchestrator.process.watched_file import WatchedFile
from orchestrator.session.durations import read_duration
from orchestrator.session.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.api.oidc.settings import LoginSettings

T = TypeVar("T")
MIN_SESSION_SECONDS, MAX_SESSION_SECONDS = 60, 7 * 24 * 3600

ExternalUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Address of the API for browsers, such as https://automation.example.com; its"
        " redirect URI is URL/automation/callback.",
    ),
]
OidcIssuer = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="OpenID provider with which browsers log in; they cannot log in if empty.",
    ),
]
OidcClientId = Annotated[
    str, typer.Option(metavar="ID", help="Client ID of the API at the provider.")
]
OidcClientSecretFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Its secret, read again when the file changes; a public client, with PKCE, has none.",
    ),
]
OidcCaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Authorities of the provider's certificate in PEM; the usual ones if absent.",
    ),
]
OidcUsernameClaim = Annotated[
    str,
    typer.Option(
        metavar="CLAIM",
        help="Claim with the user's name, which Kubernetes sees as oidc:NAME; an email must be"
        " verified.",
    ),
]
OidcGroupsClaim = Annotated[
    str,
    typer.Option(
        metavar="CLAIM",
        help="Claim with the user's groups, which Kubernetes sees as oidc:GROUP; none if empty.",
    ),
]
OidcGroupsFilter = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PREFIX",
        help="Only groups that start with this count; repeatable. All groups by default.",
    ),
]
OidcScopes = Annotated[
    str, typer.Option(metavar="SCOPES", help="Scopes to ask for, with commas between them.")
]
SessionKeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keys of sessions, a line of base64 for each (openssl rand -base64 32), the same for"
        " all replicas; the first seals, each opens. Read again when the file changes.",
    ),
]
SessionLifetime = Annotated[
    str, typer.Option(metavar="DURATION", help="Time after which users log in again.")
]


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """The options as they are given."""

    external_url: str
    issuer: str
    client_id: str
    client_secret_file: Path | None
    ca_file: Path | None
    username_claim: str
    groups_claim: str
    groups_filter: tuple[str, ...]
    scopes: str
    session_key_file: Path | None
    session_lifetime: str

    def without_issuer(self) -> list[str]:
        """The options that have no effect without --oidc-issuer."""
        given = {
            "--external-url": self.external_url,
            "--oidc-client-id": self.client_id,
            "--oidc-client-secret-file": self.client_secret_file,
            "--oidc-ca-file": self.ca_file,
            "--oidc-groups-claim": self.groups_claim,
            "--oidc-groups-filter": self.groups_filter,
            "--session-key-file": self.session_key_file,
        }
        return [name for name, value in given.items() if value]

    def missing(self) -> list[str]:
        """The options that --oidc-issuer needs."""
        needed = {
            "--external-url": self.external_url,
            "--oidc-client-id": self.client_id,
            "--session-key-file": self.session_key_file,
        }
        return [name for name, value in needed.items() if not value]


def read_login(options: LoginOptions) -> LoginSettings | None:
    """How browsers log in; None if they cannot. Raises UsageError, which names the option."""
    if not options.issuer:
        if given := options.without_issuer():
            raise UsageError(f"{given[0]}: write --oidc-issuer as well; without it, login is off")
        return None
    if missing := options.missing():
        raise UsageError(f"{missing[0]}: write it as well; --oidc-issuer needs it")
    from orchestrator.api.oidc.identity import Claims
    from orchestrator.api.oidc.settings import LoginSettings, ProviderSettings

    if options.groups_filter and not options.groups_claim:
        raise UsageError("--oidc-groups-filter: write --oidc-groups-claim as well")
    if not options.username_claim.strip():
        raise UsageError("--oidc-username-claim: write the name of a claim, such as email")
    provider = ProviderSettings(
        issuer=_protected("--oidc-issuer", options.issuer),
        client_id=options.client_id,
        client_secret=_secret(options.client_secret_file),
        scopes=_scopes(options.scopes),
        ca_file=options.ca_file,
    )
    if options.ca_file is not None:
        _watched("--oidc-ca-file", options.ca_file, _not_empty)
    return LoginSettings(
        provider=provider,
        external=_external(options.external_url),
        keys=_keys(options.session_key_file),
        claims=Claims(options.username_claim, options.groups_claim, options.groups_filter),
        session_seconds=_lifetime(options.session_lifetime),
    )


def _external(url: str) -> str:
    from orchestrator.api.oidc.origins import origin_of

    try:
        return origin_of(_protected("--external-url", url))
    except ValueError as error:
        raise UsageError(f"--external-url {url}: {error}") from error


def _protected(option: str, url: str) -> str:
    from orchestrator.api.oidc.origins import is_protected

    if not is_protected(url):
        raise UsageError(f"{option} {url}: write an address with https (http only on localhost)")
    return url


def _secret(file: Path | None) -> Callable[[], str]:
    return str if file is None else _watched("--oidc-client-secret-file", file, _not_empty)


def _keys(file: Path | None) -> Callable[[], tuple[bytes, ...]]:
    from orchestrator.api.oidc.sealed_cookies import read_keys

    assert file is not None
    return _watched("--session-key-file", file, read_keys)


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(text.replace(",", " ").split())
    if "openid" not in scopes:
        raise UsageError(f"--oidc-scopes {text}: openid must be one of them")
    return scopes


def _lifetime(text: str) -> int:
    seconds = read_duration("--session-lifetime", text)
    if not MIN_SESSION_SECONDS <= seconds <= MAX_SESSION_SECONDS:
        raise UsageError(f"--session-lifetime {text}: write between 1m and 7d")
    return int(seconds)


def _watched(option: str, file: Path, parse: Callable[[str], T]) -> WatchedFile[T]:
    """What a file says, also after it has changed. Raises UsageError."""
    try:
        return WatchedFile(file, parse)
    except OSError as error:
        raise UsageError(f"{option} {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{option} {file}: not text") from error
    except ValueError as error:
        raise UsageError(f"{option} {file}: {error}") from error


def _not_empty(text: str) -> str:
    if not (found := text.strip()):
        raise ValueError("it is empty")
    return found
