"""The user in whose name requests are sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impersonated:
    """The user in whose name requests are sent, which our own account must be allowed to."""

    user: str
    groups: tuple[str, ...] = ()

    def headers(self) -> tuple[tuple[str, str], ...]:
        """https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation."""
        groups = [("Impersonate-Group", group) for group in self.groups]
        return (("Impersonate-User", self.user), *groups)
