"""Embeds kopf, which watches Workflows and Incidents in a thread with a loop of its own.

kopf cancels every task of its loop when it ends, which would interrupt passes; hence the thread.
Its handlers only forward events: no finalizers, no annotations, no patches. It does not watch
Templates and Triggers, because they are read from a cache, and kopf's list does not report
deletions.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from orchestrator.kube.credentials import Credentials
from orchestrator.kube.decoding import shallow
from orchestrator.kube.resources import Resource

LOGIN_INTERVAL = timedelta(minutes=10)
"""Seconds for which kopf uses a token before it requests another one."""

MAX_OUTAGE_TRIES = 120
"""Tries, five seconds apart, before kopf gives up on an API server that answers with errors."""

RECURSION_LIMIT = 15_000
"""The recursion limit that is sufficient for objects that the API server accepts: nested 10,000
deep. An unreadable object silently ends kopf's watch of its kind."""

CLOSE_SECONDS = 0.25
"""Seconds in which its TLS connections are closed, which aiohttp does in the background
(https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown)."""

Take = Callable[[Resource, str | None, dict[str, Any]], None]
"""Called in kopf's thread with the resource, the event's type (None when listed) and the object."""

Follow = Callable[
    [Credentials, Sequence[Resource], Collection[str], Take, threading.Event], Awaitable[None]
]
"""Reports the objects of some resources until it is stopped."""


class _NoProgress(kopf.ProgressStorage):
    """Stores nothing, since no handler has progress."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing to store."""

    def purge(self, **_: Any) -> None:
        """Nothing to purge."""

    def touch(self, **_: Any) -> None:
        """Nothing to touch."""

    def clear(self, *, essence: Any) -> Any:
        return essence


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores nothing: no handler needs an object's earlier state."""

    def build(self, **_: Any) -> Any:
        return None

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing to store."""


async def follow_definitions(
    credentials: Credentials,
    resources: Sequence[Resource],
    namespaces: Collection[str],
    take: Take,
    stop: threading.Event,
) -> None:
    """Follow with kopf, in a thread and loop of its own."""
    await asyncio.to_thread(watch_definitions, credentials, resources, namespaces, take, stop)


def watch_definitions(
    credentials: Credentials,
    resources: Sequence[Resource],
    namespaces: Collection[str],
    take: Take,
    stop: threading.Event,
) -> None:
    """Watch until `stop` is set; blocks, and ends early only if kopf cannot continue."""
    # It says that it takes no signals here: the operator does. And of an outage each watch
    # speaks at each attempt: the reflectors have said it already.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    logging.getLogger("kopf._cogs.clients.watching").setLevel(logging.CRITICAL)
    # It reads JSON with the standard library, which gives up at the limit of Python's recursion.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    with asyncio.Runner() as runner:
        kopf.run(
            loop=runner.get_loop(),
            registry=_registry(credentials, resources, take),
            settings=_settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=list(namespaces),
            stop_flag=stop,
        )
        runner.run(asyncio.sleep(CLOSE_SECONDS))


def _registry(
    credentials: Credentials, resources: Sequence[Resource], take: Take
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    def login(**_: Any) -> kopf.ConnectionInfo:
        return _connection(credentials)

    kopf.on.login(registry=registry)(login)
    for resource in resources:
        kopf.on.event(
            resource.group,
            resource.version,
            resource.plural,
            registry=registry,
            id=f"take-{resource.plural}",
        )(_handler(resource, take))
    return registry


def _handler(resource: Resource, take: Take) -> Any:
    async def handle(event: Any, **_: Any) -> None:
        take(resource, event["type"], shallow(dict(event["object"])))

    return handle


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the resources exist before kopf starts
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = [1, 2, 3, *[5] * MAX_OUTAGE_TRIES]
    settings.watching.inactivity_timeout = 90
    return settings


def _connection(credentials: Credentials) -> kopf.ConnectionInfo:
    access = credentials.access
    scheme, _, token = (access.authorization() or "").partition(" ")
    return kopf.ConnectionInfo(
        server=access.server,
        ca_path=access.ca_file,
        insecure=access.insecure,
        scheme=scheme or None,
        token=token or None,
        certificate_path=access.certificate_file,
        private_key_path=access.key_file,
        proxy_url=access.proxy,
        expiration=datetime.now(UTC) + LOGIN_INTERVAL if token else None,
    )
