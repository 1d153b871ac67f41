"""Whether the API lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from orchestrator.api.answers import json_answer
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError

router = APIRouter(tags=["service"])


@router.get("/health", responses=returns("Status", "The process lives."))
async def health() -> Response:
    """Whether the process lives; needs no token."""
    return json_answer({"status": "ok"})


@router.get("/readiness", responses=returns("Status", "The API can serve requests."))
def readiness(request: Request) -> Response:
    """Whether the API server can be reached; needs no token. Ready without the history: then
    `history` says why answers leave it out."""
    clients = request.app.state.clients
    if problem := clients.ready():
        raise ProblemError(503, problem)
    # All replicas share the database: a 503 would take each of them out of service, although they
    # answer for everything that is on the cluster.
    reason = clients.history.problem() if clients.history is not None else ""
    return json_answer({"status": "ok"} | ({"history": reason} if reason else {}))
