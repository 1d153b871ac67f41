"""A row of the table of action faults: an action, its server, and what it creates there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.action_faults.servers import Servers

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One attempt's surroundings; every case acts on objects of its own."""

    name: str
    """Unique, and a valid name of an object of Kubernetes."""
    host: str
    port: int
    """Of the proxy in front of the server."""
    folder: Path
    """The workspace of its workflow is below it."""
    slow: bool
    """Whether the fault is one of time, so that the timeout is short."""

    @property
    def url(self) -> str:
        """The server behind the proxy."""
        return f"http://{self.host}:{self.port}"

    @property
    def timeout(self) -> str:
        """The action's timeout: short where it must end the action."""
        return "2s" if self.slow else "30s"

    @property
    def workspace(self) -> Path:
        """The folder that the nodes of the workflow share."""
        return self.folder / "workspace"


@dataclass(frozen=True)
class Row:
    """An action and the server that it reaches through the proxy."""

    action: str
    server: Callable[[Servers], tuple[str, int]]
    """Address of the server."""
    parameters: Callable[[Servers, Case], Parameters]
    """Makes what the action needs, and returns its parameters without the secrets."""
    secrets: Callable[[Servers, Case], Mapping[str, str]] = lambda _servers, _case: {}
    """Parameters that are secret."""
    made: Callable[[Servers, Case], int] | None = None
    """How many things it has made: after an interrupted answer and a retry exactly one, where the
    action's page promises that."""
    variant: str = ""
    """Tells rows of one action apart."""
    kubernetes: bool = False
    """Whether the server is the Kubernetes API, which it finds by a kubeconfig."""
    unknown_end: int | None = None
    """Exit code after a request that may have been carried out, if another one than for other
    faults: the action may not be repeated."""
    environ: Callable[[Servers, Case], Mapping[str, str]] = lambda _servers, _case: {}
    """Further variables of its environment."""
    turn: int = 0
    """The turn at which faults strike, if it is not the last one."""
    ending: int = 0
    """How many requests follow the one that counts, such as a logout."""
    tolerates: frozenset[str] = frozenset()
    """Faults after which the action may succeed."""

    @property
    def name(self) -> str:
        """Of the row."""
        return f"{self.action}-{self.variant}" if self.variant else self.action


def at(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def fixed(secrets: Mapping[str, str]) -> Callable[[Servers, Case], Mapping[str, str]]:
    """Secrets that are the same in every case."""
    return lambda _servers, _case: secrets


def moved(url: str, case: Case) -> str:
    """A URL of the server, with the address of the proxy."""
    host, port = at(url)
    return url.replace(f"{host}:{port}", f"{case.host}:{case.port}")


def count(items: Iterable[Any], name: str) -> int:
    """How many of the items contain a name as a word of its own."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return sum(bool(word.search(json.dumps(each, default=str))) for each in items)
