"""Impersonation: the user that requests act as, from kubectl's flags or the kubeconfig.

The official client's loader reads the user's credentials, but not the impersonation settings:
without this module, a command would run with the user's own rights and sign decisions in their own
name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.session.errors import UsageError

DEFAULT_PATH = "~/.kube/config"


@dataclass(frozen=True)
class Impersonation:
    """The user that requests act as; without one, requests are made as the user themselves."""

    user: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def over(self, below: Impersonation) -> Impersonation:
        """Each field of this one, or of the other if unset here, as kubectl merges them."""
        return Impersonation(
            self.user or below.user,
            self.groups or below.groups,
            self.uid or below.uid,
            self.extra or below.extra,
        )

    def headers(self) -> Iterator[tuple[str, str]]:
        """The headers of a request; each group has a header of its own.

        Raises UsageError for groups, a uid or extra fields without a user: the API server ignores
        them, and the request would be made as the user themselves.
        """
        if not self.user:
            if self.groups or self.uid or self.extra:
                raise UsageError("--as-group, --as-uid: also name the user with --as")
            return
        yield "Impersonate-User", self.user
        for group in self.groups:
            yield "Impersonate-Group", group
        if self.uid:
            yield "Impersonate-Uid", self.uid
        for key, values in self.extra.items():
            for value in values:
                yield f"Impersonate-Extra-{quote(key, safe='')}", value


def configured(path: str | None, context: str | None) -> Impersonation:
    """The impersonation of the kubeconfig's context. If several files are merged, the first that
    sets it wins."""
    documents = list(_documents(path))
    chosen = context or next(
        (document["current-context"] for document in documents if document.get("current-context")),
        "",
    )
    user = _named(documents, "contexts", "context", chosen).get("user", "")
    account = _named(documents, "users", "user", user)
    extra = account.get("as-user-extra") or {}
    return Impersonation(
        user=str(account.get("as") or ""),
        groups=_strings(account.get("as-groups"), "as-groups"),
        uid=str(account.get("as-uid") or ""),
        extra={str(key): _strings(values, "as-user-extra") for key, values in extra.items()},
    )


def _documents(path: str | None) -> Iterator[Mapping[str, Any]]:
    import yaml

    paths = path or os.environ.get("KUBECONFIG") or DEFAULT_PATH
    for one in paths.split(os.pathsep):
        file = Path(one).expanduser()
        if one and file.exists():
            document = yaml.safe_load(file.read_text())
            if isinstance(document, dict):
                yield document


def _named(
    documents: Iterable[Mapping[str, Any]], plural: str, singular: str, name: str
) -> Mapping[str, Any]:
    for document in documents:
        for entry in document.get(plural) or ():
            if isinstance(entry, dict) and entry.get("name") == name:
                return entry.get(singular) or {}
    return {}


def _strings(values: Any, what: str) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, list):
        raise UsageError(f"the kubeconfig's {what} is not a list")
    return tuple(str(value) for value in values)
