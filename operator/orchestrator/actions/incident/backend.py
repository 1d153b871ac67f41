"""Where incidents are kept: the namespace's Incident resources, or another service.

A backend is one file in `backends`, imported only when an action uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol, TypedDict, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator

from orchestrator.actions.action import USAGE, ActionError
from orchestrator.actions.sending import WithTimeout
from orchestrator.models.incident import IncidentState, Severity


class Kind(StrEnum):
    """The backends."""

    INCIDENT = "incident"
    PAGERDUTY = "pagerduty"
    SERVICENOW = "servicenow"
    JSM = "jsm"


class Fields(TypedDict, total=False):
    """Fields of an incident, as an Incident's spec has them; absent ones are not changed."""

    title: str
    severity: str
    state: str
    assignee: str
    escalation: str
    summary: str
    links: list[dict[str, str]]


@dataclass(frozen=True)
class Record:
    """An incident as its backend has it."""

    name: str
    state: IncidentState
    severity: Severity
    url: str | None = None
    """Its page for people; None for an Incident resource."""


class Backend(Protocol):
    """What the actions do with incidents."""

    def open(self, name: str, fields: Fields) -> tuple[Record, bool]:
        """Open an incident; returns whether it is new.

        It is recognised by `name`; if that is empty, by the attempt's idempotency key.
        """

    def change(self, name: str, fields: Fields) -> tuple[Record, list[str]]:
        """Change the fields that differ; returns their names, sorted."""

    def note(self, name: str, text: str) -> tuple[Record, bool]:
        """Add a note; returns whether it is new, not one of an earlier attempt."""


class BackendParameters(WithTimeout):
    """The backend and its credentials."""

    backend: Kind = Kind.INCIDENT
    """Where the incident is kept: an Incident resource of the namespace, PagerDuty, ServiceNow or
    Jira Service Management."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$", max_length=2048)] = (
        ""
    )
    """URL of the other service, such as https://example.service-now.com or
    https://example.atlassian.net; PagerDuty's is https://api.pagerduty.com by default."""
    user: Annotated[str, Field(max_length=253)] = ""
    """User of the other service: an e-mail address for PagerDuty and Jira, a user name for
    ServiceNow, which takes an OAuth token without one."""
    token: SecretStr | None = None
    """API token or password for the other service."""
    options: dict[str, str] = {}
    """Settings of the other service, such as service for PagerDuty: each is listed in the guide to
    incidents in other services."""

    @model_validator(mode="after")
    def _for_backend(self) -> BackendParameters:
        given = {
            name
            for name, value in (
                ("url", self.url),
                ("user", self.user),
                ("token", self.token),
                ("options", self.options),
            )
            if value
        }
        if self.backend is Kind.INCIDENT:
            if given:
                raise ValueError(f"backend incident takes no {', '.join(sorted(given))}")
            return self
        needed = {
            Kind.PAGERDUTY: {"user", "token"},
            Kind.SERVICENOW: {"url", "token"},
            Kind.JSM: {"url", "user", "token"},
        }[self.backend]
        if missing := sorted(needed - given):
            raise ValueError(f"backend {self.backend} needs {', '.join(missing)}")
        return self

    @property
    def secret(self) -> str:
        """The token."""
        return self.token.get_secret_value() if self.token else ""


O = TypeVar("O", bound=BaseModel)  # noqa: E741 - as in action.py


def read_options(model: type[O], parameters: BackendParameters) -> O:
    """The options of a backend; raises ActionError that names each invalid one."""
    try:
        return model.model_validate(parameters.options)
    except ValidationError as error:
        problems = "; ".join(
            f"options.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        )
        raise ActionError(f"invalid parameters: {problems}", exit_code=USAGE) from None


def as_note(fields: Fields) -> str:
    """Summary and links as the text of a note, for services that have no such fields."""
    lines = [fields.get("summary", "")]
    lines += [f"{link.get('title', '')} {link['url']}".strip() for link in fields.get("links", [])]
    return "\n".join(line for line in lines if line)
