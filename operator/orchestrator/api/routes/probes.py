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
    """Whether the API server can be reached; needs no token."""
    if problem := request.app.state.clients.ready():
        raise ProblemError(503, problem)
    return json_answer({"status": "ok"})
