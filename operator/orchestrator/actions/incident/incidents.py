"""Parameters and outputs that the actions on incidents share."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import AfterValidator, Field, model_validator

from orchestrator.actions.action import Outputs, Parameters
from orchestrator.actions.incident.backend import BackendParameters, Fields, Kind
from orchestrator.models.base import is_object_name

RETRIES = (
    "Retried: no response, conflicts, throttling, failures of the API server or the other service. "
    "Not retried: an incident that does not exist, a value that is refused, missing permissions. "
)

IncidentName = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?)?$")
]
Person = Annotated[str, Field(max_length=253)]
Title = Annotated[str, AfterValidator(lambda text: _shortened(text, 256))]
Summary = Annotated[str, AfterValidator(lambda text: _shortened(text, 4096))]
NoteText = Annotated[str, AfterValidator(lambda text: _shortened(text, 1024))]
Links = Annotated[list[dict[str, str]], Field(max_length=32)]


def _shortened(text: str, length: int) -> str:
    """A string, truncated if it is long: during an incident, that is better than an error."""
    return text if len(text) <= length else text[: length - 1] + "…"


class Named(BackendParameters):
    """The name of an incident, whose form depends on the backend."""

    name: IncidentName = ""
    """Name of the incident."""

    @model_validator(mode="after")
    def _name_of_object(self) -> Named:
        if self.backend is Kind.INCIDENT and self.name and not is_object_name(self.name):
            raise ValueError("name must be a name of an Incident: small letters, digits, - and .")
        return self


class OnIncident(Named):
    """The incident to change."""

    name: Annotated[IncidentName, Field(min_length=1)]
    """Name of the incident, such as the output name of incident-create; in another service, the id
    (PagerDuty), number (ServiceNow) or key (Jira) of the incident."""


class IncidentDetails(Parameters):
    """The summary of an incident, its assignee and its escalation."""

    summary: Summary = ""
    """Summary of the incident; shortened to 4096 characters."""
    assignee: Person = ""
    """The person who works on it."""
    escalation: Person = ""
    """The person or team that it is escalated to."""


class Known(Outputs):
    """Outputs about the incident itself."""

    url: str | None = None
    """Its page, in another service."""


def fields_of(parameters: Parameters) -> Fields:
    """The fields of an incident among the parameters, without defaults."""
    values = parameters.model_dump(
        mode="json", include=set(Fields.__annotations__), exclude_defaults=True
    )
    return cast("Fields", values)
