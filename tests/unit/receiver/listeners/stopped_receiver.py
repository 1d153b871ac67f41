"""The parts of a receiver that listeners need, without a running receiver."""

from __future__ import annotations

import random
from typing import Any

from orchestrator.kube.client import ApiClient
from orchestrator.receiver.receiver import Receiver
from orchestrator.receiver.server import Address
from orchestrator.receiver.shared import Shared
from tests.receiver_environment import NAMESPACE, AuthorizingTransport, put_trigger
from tests.simulation.faults import Faults
from tests.simulation.store import Store

MAIL = {"email": {"host": "imap.example.com", "credentials": {"name": "hooks"}}}


def client_of(store: Store) -> ApiClient:
    """A client of a store."""
    transport = AuthorizingTransport(store, Faults(), random.Random(1), 0.001)
    return ApiClient(transport._credentials, transport)


def shared_with(store: Store, monotonic: Any = None, **triggers: dict[str, Any]) -> Shared:
    """What listeners share, with these triggers."""
    options = {} if monotonic is None else {"monotonic": monotonic}
    shared = Receiver(client_of(store), Address("127.0.0.1", 0), **options).shared
    for name, spec in triggers.items():
        put_trigger(store, name, **spec)
        shared.triggers.put(store.objects["triggers", NAMESPACE, name])
    return shared
