"""Shared by actions on Kubernetes: the parameters that name their target, and descriptions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Context, Parameters
from orchestrator.actions.kubernetes.workloads import WorkloadKind

Name = Annotated[str, Field(max_length=253)]

READ_RETRIES = (
    "Retried: no response, throttling, failures of the API server. Not retried: an object that "
    "does not exist, missing permissions. It only reads."
)


class InNamespace(Parameters):
    """The namespace of an action's target."""

    namespace: Annotated[str, Field(max_length=63)] = ""
    """Namespace of the target; the execution's own if empty."""

    def in_namespace(self, context: Context) -> str:
        """The target's namespace, or the default."""
        return self.namespace or context.identity.namespace


class OnWorkload(InNamespace):
    """A Deployment, a StatefulSet or a DaemonSet."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload."""
    name: Annotated[Name, Field(min_length=1)]
    """Name of the workload."""

    def described(self, context: Context) -> str:
        """The workload as messages name it."""
        return f"{self.kind} {self.in_namespace(context)}/{self.name}"
