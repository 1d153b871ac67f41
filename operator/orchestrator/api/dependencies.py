"""What routes depend on: the caller, and a query without unknown parameters."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request, Security, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from orchestrator.api.clients import BearerToken, Caller
from orchestrator.api.oidc.login import CALLBACK, Login
from orchestrator.api.problems import CHALLENGE, ProblemError
from orchestrator.api.senders import CREDENTIALS
from orchestrator.models.nearest import did_you_mean
from orchestrator.validation.problem import Problem

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750, section 2.1."""
MAX_TOKEN = 16 * 1024
bearer = HTTPBearer(
    auto_error=False,
    scheme_name="kubernetes",
    description="A token of a user of the cluster, such as `kubectl create token` prints.",
)

_cookie = APIKeyCookie(
    name="__Host-itechsmart-session",
    auto_error=False,
    scheme_name="session",
    description="What `/automation/login` gives a browser, if login is on. Requests that change"
    " something need the header `Origin` as well. Ignored beside a bearer token.",
)


async def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    _: Annotated[str | None, Security(_cookie)] = None,
) -> Caller:
    """The caller; the API server judges the token with each request.

    Raises ProblemError: 401 without a token or session, 403 for a session's request that another
    site may have made, 400 for one that impersonates.
    """
    request.scope[CREDENTIALS] = True
    if credentials is None:
        login: Login | None = request.app.state.login
        if login is not None and "authorization" not in request.headers:
            return _of_session(request, login)
        detail = "send the bearer token of a user of the cluster in the header Authorization"
        raise ProblemError(401, detail, headers=CHALLENGE)
    token = credentials.credentials
    if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
        raise ProblemError(401, "this is not a bearer token", headers=CHALLENGE)
    return Caller(request.app.state.clients, BearerToken(token))


def _of_session(request: Request, login: Login) -> Caller:
    session = login.session(request.cookies.get(login.session_cookie, ""))
    if session is None:
        detail = "there is no session, or it has ended: log in at /automation/login, or send a"
        raise ProblemError(401, f"{detail} bearer token", headers=CHALLENGE)
    if why := login.refusal(request.method, request.headers):
        raise ProblemError(403, why)
    if any(name.startswith("impersonate-") for name in request.headers):
        raise ProblemError(400, "a session acts for its own user only: leave out Impersonate-…")
    user = session.identity.impersonated()
    return Caller(request.app.state.clients, user, session.ends)


CallerOf = Annotated[Caller, Depends(caller_of)]


def known_user(caller: CallerOf) -> str:
    """The caller's name. Raises UsageError for a token that is not valid."""
    return caller.cluster().who()["username"]  # type: ignore[no-any-return]


KnownUser = Annotated[str, Depends(known_user)]
"""Of routes that ask the API server nothing else."""


async def strict_query(request: Request) -> None:
    """Raises ProblemError for a parameter that the route does not have."""
    route = request.scope.get("route")
    if (
        not isinstance(route, APIRoute) or request.scope["path"] == CALLBACK
    ):  # providers add their own
        return
    known = _parameters(route)
    odd = [name for name in request.query_params if name not in known]
    if odd:
        problems = [
            Problem(f"query.{name[:64]}", f"there is no such parameter{did_you_mean(name, known)}")
            for name in dict.fromkeys(odd[:16])
        ]
        raise ProblemError(422, str(problems[0]), problems)


def _parameters(route: APIRoute) -> tuple[str, ...]:
    """The parameters that the query of a route may have."""
    fields = get_flat_params(route.dependant)
    return tuple(field.alias for field in fields if isinstance(field.field_info, params.Query))
