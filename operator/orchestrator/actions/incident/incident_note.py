"""incident-note: add a note to an incident."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import RETRIES, Known, NoteText, OnIncident
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState


class IncidentNote(OnIncident):
    """Parameters of incident-note."""

    text: Annotated[NoteText, Field(min_length=1)]
    """The note; shortened to 1024 characters."""


class Noted(Known):
    """Outputs of incident-note."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state."""
    repeated: bool
    """Whether an earlier attempt has added the note."""


def incident_note(parameters: IncidentNote, context: Context) -> Noted:
    """Adds a note to an incident.

    The notes of an Incident are entries of its timeline. In another service they are notes, work
    notes or internal comments.
    """
    with connect(parameters, context) as backend:
        record, added = backend.note(parameters.name, parameters.text)
    return Noted(name=parameters.name, state=record.state, repeated=not added, url=record.url)


ACTION = Action(
    name="incident-note",
    title="Add a note to an incident",
    category="incident",
    icon="note",
    parameters=IncidentNote,
    outputs=Noted,
    run=incident_note,
    retries=RETRIES + "A note that an earlier attempt has added is not added again.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {"get": "read the notes of the incident", "patch": "add a note"},
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        nodes:
        - name: open
          action: incident-create
          with: {title: The web shop is slow}
        - name: note
          action: incident-note
          with: {name: "$[[ nodes.open.outputs.name ]]", text: The cache is being cleared.}
        edges:
        - {from: open, to: note}
    """,
)
