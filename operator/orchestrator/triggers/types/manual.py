"""`manual`: a person starts the Workflow by the name of the Trigger, with checked inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Json, Line, Model
from orchestrator.triggers.sources import Event, Manual
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.validation.inputs import check_inputs, check_size
from orchestrator.validation.problem import Problem
from orchestrator.validation.schemas import check_schema


class ByHand(Model):
    """Starts by people, with `orchestrator trigger run`."""

    inputs: Annotated[dict[str, Json] | None, Field(max_length=100)] = None
    """JSON Schema of the inputs, with the keywords that an approval's inputs have; any object if
    absent."""


class Start(Model):
    """The event: a person starts the Workflow."""

    inputs: Annotated[dict[str, Json], Field(max_length=100)]
    """The inputs that they gave."""
    request_id: Line
    """The id of the request; random if they gave none."""


def start(inputs: Mapping[str, Json], request_id: str, at: float, person: str) -> Event:
    """The event of a start."""
    data = {"inputs": dict(inputs), "requestId": request_id}
    identity = request_identity(request_id)
    return Event(MANUAL.key, identity, data, at, requester=person, limited=False)


def request_identity(request_id: str) -> str:
    """The identity of a start: the same request starts one execution."""
    return f"request/{request_id}"


def wrong_inputs(settings: ByHand, inputs: Mapping[str, Json]) -> str:
    """The problem of the inputs, or an empty string."""
    if settings.inputs is None:
        return check_size(inputs)
    return check_inputs(settings.inputs, inputs)


def _problems(path: str, settings: ByHand) -> Iterable[Problem]:
    if settings.inputs is not None:
        for where, words in check_schema(f"{path}.inputs", settings.inputs):
            yield Problem(where, words)


def _sample(settings: ByHand, _at: float) -> dict[str, Json] | None:
    """Without inputs, if these are optional."""
    return None if wrong_inputs(settings, {}) else {"inputs": {}, "requestId": "sample"}


MANUAL = TriggerType(
    key="manual",
    starts="Starts when a person runs the Trigger.",
    settings=ByHand,
    event=Start,
    source=Manual(),
    problems=_problems,
    sample=_sample,
)
