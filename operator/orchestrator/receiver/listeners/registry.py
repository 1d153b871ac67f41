"""The drivers of listeners, by the key of their trigger type. A new one is a module and a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module

from orchestrator.models.reasons import Reason
from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.receiver.listeners.listener_session import ListenerSession

Driver = Callable[[ListenerSession], Awaitable[None]]
"""Reads a source and delivers its events, until it is cancelled or fails.

It returns to be started again at once. It raises SourceError if the source cannot be read,
SecretError and ApiError; and it calls `ListenerSession.beat` at least once a minute."""

_MODULES: Mapping[str, tuple[str, str]] = {
    "email": ("orchestrator.receiver.listeners.mailbox.driver", "email"),
    "fileWatch": ("orchestrator.receiver.listeners.files.driver", ""),
}
"""Module of each driver, whose function `listen` it is, and the extra with its library."""


def driver_of(key: str) -> Driver:
    """The driver of a trigger type. Raises SourceError if its library is not installed."""
    module, extra = _MODULES[key]
    try:
        driver: Driver = import_module(module).listen
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").startswith("orchestrator"):
            raise
        raise SourceError(
            f"the receiver lacks the library {error.name}; install it with:"
            f" pip install 'itechsmart-workflow[{extra}]'",
            Reason.DEPENDENCY_MISSING,
        ) from error
    return driver


def keys() -> frozenset[str]:
    """The keys of the trigger types that have a driver."""
    return frozenset(_MODULES)
