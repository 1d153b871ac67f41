"""Template and ClusterTemplate: an action, or a whole workflow to start from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Identifier, Line, Model, Text, ValueType
from orchestrator.models.condition import Condition
from orchestrator.models.pod import Action
from orchestrator.models.workflow import Value, WorkflowSpec


class Parameter(Value):
    """A typed parameter; one of type secret takes exactly one secret variable."""


class TemplateOutput(Model):
    """An output that the action's container writes."""

    name: Identifier
    """Name of the output."""
    type: ValueType
    """Type of its value."""
    description: Text = ""
    """Meaning of the output."""
    required: bool = False
    """Whether an action fails that does not write the output."""


class Scope(StrEnum):
    """The scope of a right's objects."""

    NAMESPACED = "Namespaced"
    CLUSTER = "Cluster"


RESOURCE_PATTERN = r"^[a-z][a-z0-9]*(/[a-z]+)?$"
VERB_PATTERN = r"^[a-z]+$"


class Right(Model):
    """A permission on the Kubernetes API, in the form of a rule of a Role; without wildcards."""

    api_groups: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9.-]*$", max_length=253)]],
        Field(min_length=1, max_length=16),
    ]
    """API groups; "" is the core group."""
    resources: Annotated[
        list[Annotated[str, Field(pattern=RESOURCE_PATTERN, max_length=128)]],
        Field(min_length=1, max_length=32),
    ]
    """Resources in the plural, such as deployments or pods/log."""
    resource_names: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=64)]
        | None
    ) = None
    """Names of the objects that the permission is limited to; default all."""
    verbs: Annotated[
        list[Annotated[str, Field(pattern=VERB_PATTERN, max_length=32)]],
        Field(min_length=1, max_length=16),
    ]
    """Verbs, such as get, list, create or patch."""
    scope: Scope = Scope.NAMESPACED
    """Namespaced: in the namespaces that the action works on. Cluster: for cluster-scoped
    resources, such as nodes, and in all namespaces."""


class TemplateSpec(Model):
    """Desired template: exactly one of an action and a whole workflow."""

    title: Line = ""
    """Display name."""
    description: Text = ""
    """Purpose of the template."""
    category: Annotated[str, Field(max_length=63)] = ""
    """Category in a catalogue."""
    icon: Annotated[str, Field(max_length=63)] = ""
    """Name of an icon."""
    parameters: Annotated[list[Parameter], Field(max_length=100)] = []
    """Typed parameters."""
    outputs: Annotated[list[TemplateOutput], Field(max_length=64)] = []
    """Outputs that the action declares."""
    permanent_exit_codes: Annotated[
        list[Annotated[int, Field(ge=1, le=255)]], Field(max_length=255)
    ] = []
    """Exit codes that are never retried."""
    rights: Annotated[list[Right], Field(max_length=32)] = []
    """Permissions on the Kubernetes API that the action's service account needs. Declaring them
    does not grant them: `orchestrator grant` prints the Role and RoleBinding that do."""
    action: Action | None = None
    """Container of the action."""
    workflow: WorkflowSpec | None = None
    """Spec of a whole workflow, from which a Workflow is created."""


class TemplateStatus(Model):
    """Observed state of a template."""

    observed_generation: int | None = None
    """Generation that the conditions refer to."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled."""
