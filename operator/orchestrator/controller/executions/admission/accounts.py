"""Checks live whether service accounts allow workflows to use them."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.engine.observed import Attempt
from orchestrator.jobs.absent import refused_account
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import SERVICE_ACCOUNTS

FRESH = 10.0
"""Seconds for which an answer is cached: removing the label takes effect soon, not at once."""


class ServiceAccounts:
    """Asks the API server, and caches the answer briefly."""

    def __init__(self, client: ApiClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._answers: dict[tuple[str, str], tuple[float, Attempt | None]] = {}
        """Cached answers with their time, by namespace and name."""

    async def refusal(self, namespace: str, name: str) -> Attempt | None:
        """The refusal of an attempt that may not use the account; None if it may."""
        now = self._clock()
        self._answers = {
            key: known for key, known in self._answers.items() if known[0] <= now < known[0] + FRESH
        }
        known = self._answers.get((namespace, name))
        if known is None:
            known = self._answers[namespace, name] = now, await self._ask(namespace, name)
        return known[1]

    async def _ask(self, namespace: str, name: str) -> Attempt | None:
        try:
            account = await self._client.get(SERVICE_ACCOUNTS, namespace, name, metadata_only=True)
        except ApiError as error:
            if error.status != 404:
                raise
            return refused_account(None, name, namespace)
        return refused_account(account, name, namespace)
