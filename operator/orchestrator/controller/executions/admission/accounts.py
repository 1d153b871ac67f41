"""Which service accounts actions may use: only those that carry our label.

Whoever writes a Workflow could otherwise borrow any account of the namespace, without the right to
create pods by hand.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.jobs.waiting import missing_account
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import SERVICE_ACCOUNTS
from orchestrator.models.labels import ALLOW_WORKFLOWS
from orchestrator.models.reasons import Reason

FRESH = 10.0
"""Seconds that an answer holds: a label that is taken away counts soon, not at once."""


class ServiceAccounts:
    """Asks the API server, and remembers for a moment."""

    def __init__(self, client: ApiClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._answers: dict[tuple[str, str], tuple[float, tuple[str, str]]] = {}
        """What is known, by namespace and name, and when it was asked."""

    async def refusal(self, namespace: str, name: str) -> tuple[str, str]:
        """Why an action may not use the account, reason and message; empty when it may."""
        now = self._clock()
        self._answers = {
            key: known for key, known in self._answers.items() if known[0] <= now < known[0] + FRESH
        }
        known = self._answers.get((namespace, name))
        if known is None:
            known = self._answers[namespace, name] = now, await self._ask(namespace, name)
        return known[1]

    async def _ask(self, namespace: str, name: str) -> tuple[str, str]:
        try:
            account = await self._client.get(SERVICE_ACCOUNTS, namespace, name, metadata_only=True)
        except ApiError as error:
            if error.status == 404:
                return Reason.SERVICE_ACCOUNT_MISSING, missing_account(name, namespace)
            raise
        labels = account["metadata"].get("labels") or {}
        if labels.get(ALLOW_WORKFLOWS) == "true":
            return "", ""
        return Reason.SERVICE_ACCOUNT_NOT_ALLOWED, (
            f"service account {name} does not allow workflows; whoever owns it can, with "
            f"kubectl -n {namespace} label serviceaccount {name} {ALLOW_WORKFLOWS}=true"
        )
