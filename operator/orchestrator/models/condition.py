"""The conditions of a status."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Model, Timestamp


class ConditionStatus(StrEnum):
    """The status of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A condition in the form of Kubernetes' API conventions (metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)]
    """Type of the condition, such as Ready."""
    status: ConditionStatus
    """True, False or Unknown."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation that the condition refers to."""
    last_transition_time: Timestamp
    """Time of the last change of the status."""
    reason: Annotated[str, Field(max_length=1024)]
    """Machine-readable reason for the last transition."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Human-readable details of the reason."""
