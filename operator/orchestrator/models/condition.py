"""The conditions of a status.

Apart from `base`, which each pod of an action imports: reading the docstrings of fields takes a
fifth of the time that an action needs to start.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Model, Timestamp


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A condition in the form of Kubernetes' API conventions (metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)]
    """Type of condition, for example Ready."""
    status: ConditionStatus
    """True, False or Unknown."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The metadata.generation that the condition was set for."""
    last_transition_time: Timestamp
    """When the status last changed."""
    reason: Annotated[str, Field(max_length=1024)]
    """A programmatic identifier for the reason of the last transition."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """The reason in words."""
