"""Who a user is to Kubernetes, by the claims of an ID token.

The names are those of a kube-apiserver with `--oidc-username-prefix=oidc:` and
`--oidc-groups-prefix=oidc:`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.kube.impersonated import Impersonated

PREFIX = "oidc:"
"""Before each name and group, so that no provider can name a user or group of Kubernetes."""
RESERVED = "system:"
MAX_NAME = 256
"""Maximum characters of a name or group."""
MAX_GROUPS = 1000


class IdentityError(Exception):
    """The claims name no user who may be impersonated; the message says why and what to change."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and their groups, as the provider names them."""

    name: str
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises IdentityError."""
        _check("name", self.name)
        for group in self.groups:
            _check("group", group)
        if len(self.groups) > MAX_GROUPS:
            raise IdentityError(f"the user has more than {MAX_GROUPS} groups")

    def impersonated(self) -> Impersonated:
        """The user to Kubernetes."""
        groups = tuple(f"{PREFIX}{group}" for group in self.groups)
        return Impersonated(f"{PREFIX}{self.name}", groups)


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claims name the user and the groups."""

    username: str = "sub"
    groups: str = ""
    """No groups if empty."""
    only: tuple[str, ...] = ()
    """Prefixes of the groups that count; all of them if empty."""

    def identity(self, claims: Mapping[str, Any]) -> Identity:
        """The user that an ID token names. Raises IdentityError."""
        name = claims.get(self.username)
        if not isinstance(name, str):
            raise IdentityError(
                f"the ID token has no claim {self.username} that is a string;"
                " change --oidc-username-claim, or --oidc-scopes so that the provider adds it"
            )
        if self.username == "email" and claims.get("email_verified") is not True:
            raise IdentityError(
                "the provider has not verified the user's email (claim email_verified);"
                " verify it there, or choose another --oidc-username-claim"
            )
        return Identity(name, self._groups(claims))

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        found = claims.get(self.groups) if self.groups else None
        if found is None:
            return ()
        if isinstance(found, str):
            found = [found]
        if not isinstance(found, Sequence) or not all(isinstance(one, str) for one in found):
            raise IdentityError(
                f"the claim {self.groups} is no list of strings; change --oidc-groups-claim"
            )
        kept = (group for group in found if not self.only or group.startswith(self.only))
        return tuple(dict.fromkeys(kept))


def _check(what: str, text: str) -> None:
    """Whitespace at an end would be lost in a header, and make another name of this one."""
    if not text.strip():
        raise IdentityError(f"the user's {what} is empty")
    if RESERVED in text.casefold():
        raise IdentityError(f"the {what} {text[:64]!r} contains {RESERVED}, which is refused")
    if not text.isprintable() or text != text.strip():
        raise IdentityError(f"the {what} {text[:64]!r} has control characters, or spaces at an end")
    if len(text) > MAX_NAME:
        raise IdentityError(f"the {what} {text[:64]!r}… has more than {MAX_NAME} characters")
