"""Whether a Trigger's Workflow lets it start anything, checked before an execution is created."""

from __future__ import annotations

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.reasons import Reason
from orchestrator.triggers.readiness import refusal_of_state


class Startable:
    """Knows from the Trigger's condition that its Workflow was not active, and asks again."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def refusal(self, trigger: Raw) -> str:
        """Why the Workflow's state lets the Trigger start nothing; empty if it may start.

        The Workflow is read only where the condition says so: it may have been activated since.
        """
        if (said := _not_active(trigger)) is None:
            return ""
        namespace, name = trigger["metadata"]["namespace"], trigger["spec"]["workflow"]
        try:
            workflow = await self._client.get(WORKFLOWS, namespace, name, patient=False)
        except ApiError as error:
            if error.status == 403:  # the receiver may have no right to read Workflows
                return said
            if error.status == 404:
                return ""
            raise
        return refusal_of_state(name, workflow.get("spec") or {})


def _not_active(trigger: Raw) -> str | None:
    """The message of the condition that the Workflow is not active."""
    for each in (trigger.get("status") or {}).get("conditions") or ():
        if each.get("type") == "Ready" and each.get("reason") == Reason.WORKFLOW_NOT_ACTIVE:
            return str(each.get("message") or "the Workflow is not active")
    return None
