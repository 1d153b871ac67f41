"""unsilence: end a silence of Alertmanager."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.observe.alertmanager import OnAlertmanager, alertmanager
from orchestrator.actions.sending import classify


class Unsilence(OnAlertmanager):
    """Parameters of unsilence."""

    id: Annotated[str, Field(pattern="^[0-9a-fA-F-]{36}$")]
    """Id of the silence, an output of silence."""


class Unsilenced(Outputs):
    """Outputs of unsilence."""

    id: str
    """Id of the silence."""
    repeated: bool = False
    """Whether the silence had already ended."""


def unsilence(parameters: Unsilence, context: Context) -> Unsilenced:
    """Ends a silence, so that its alerts notify again."""
    with alertmanager(parameters, context) as server:
        path = f"/api/v2/silence/{parameters.id}"
        ended = server.json("GET", path)["status"]["state"] == "expired"
        if not ended:
            server.call("DELETE", path)
    context.log(f"silence {parameters.id} has {'already ended' if ended else 'ended'}")
    return Unsilenced(id=parameters.id, repeated=ended)


ACTION = Action(
    name="unsilence",
    title="End a silence",
    category="observe",
    icon="bell",
    parameters=Unsilence,
    outputs=Unsilenced,
    run=unsilence,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a silence "
        "that does not exist, credentials that Alertmanager refuses. A silence that has ended "
        "stays as it is."
    ),
    classify=classify,
    example="""
        variables:
        - {name: silence, type: string, required: true}
        nodes:
        - name: unsilence
          action: unsilence
          with:
            url: http://alertmanager.monitoring:9093
            id: "$[[ vars.silence ]]"
    """,
)
