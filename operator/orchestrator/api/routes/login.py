"""Login of browsers by OpenID Connect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVarTuple

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestrator.api.oidc.errors import LoginError, ProviderError, TokenError
from orchestrator.api.oidc.identity import IdentityError
from orchestrator.api.oidc.login import Login, Redirect
from orchestrator.api.oidc.origins import MAX_PATH, is_own_path
from orchestrator.api.problems import CHALLENGE, ProblemError
from orchestrator.validation.problem import Problem

router = APIRouter(tags=["login"])
Parameter = Annotated[str, Query(max_length=4096)]
Given = TypeVarTuple("Given")


def _redirects(description: str) -> dict[int | str, dict[str, Any]]:
    location = {"description": "Where the browser goes.", "schema": {"type": "string"}}
    return {303: {"description": description, "headers": {"Location": location}}}


@router.get("/login", status_code=303, responses=_redirects("To the provider."))
async def begin_login(
    request: Request,
    path: Annotated[
        str,
        Query(
            alias="return",
            max_length=MAX_PATH,
            description="The path at this address to which the browser returns.",
        ),
    ] = "/",
) -> Response:
    """Send a browser to the OpenID provider, to log in; 404 if login is off."""
    login = _login_of(request)
    if not is_own_path(path):
        problem = Problem("query.return", "must be a path at this address, such as /automation/me")
        raise ProblemError(422, str(problem), [problem])
    try:
        return _answer(await _alone(request, login.begin, path))
    except ProviderError as error:
        raise _away(error) from error


@router.get("/callback", status_code=303, responses=_redirects("Logged in."))
async def finish_login(request: Request, code: Parameter = "", state: Parameter = "") -> Response:
    """Log a browser in that returns from the OpenID provider."""
    login = _login_of(request)
    query = {**request.query_params, "code": code, "state": state}
    try:
        cookie = request.cookies.get(login.login_cookie, "")
        return _answer(await _alone(request, login.finish, query, cookie))
    except LoginError as error:
        raise ProblemError(400, f"{error}; log in again at /automation/login") from error
    except TokenError as error:
        raise ProblemError(401, str(error), headers=CHALLENGE) from error
    except IdentityError as error:
        raise ProblemError(403, str(error)) from error
    except ProviderError as error:
        raise _away(error) from error


@router.post("/logout", status_code=303, responses=_redirects("Logged out."))
async def log_out(request: Request) -> Response:
    """End a browser's session here, and at the OpenID provider if that offers it. Needs the
    header `Origin`, which browsers send."""
    login = _login_of(request)
    if why := login.refusal(request.method, request.headers):
        raise ProblemError(403, why)
    return _answer(await _alone(request, login.leave))


def _login_of(request: Request) -> Login:
    login: Login | None = request.app.state.login
    if login is None:
        raise ProblemError(404, "login is off: the API runs without --oidc-issuer")
    return login


async def _alone(request: Request, step: Callable[[*Given], Redirect], *given: *Given) -> Redirect:
    """Take a step that waits for the provider, in one of a few threads: while it does not answer,
    logins wait for each other, and no other request does."""
    limiter: CapacityLimiter = request.app.state.login_threads
    return await run_sync(step, *given, limiter=limiter)


def _answer(redirect: Redirect) -> Response:
    response = Response(status_code=303, headers={"Location": redirect.location})
    for cookie in redirect.cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


def _away(error: ProviderError) -> ProblemError:
    return ProblemError(503, f"{error}; bearer tokens still work", headers={"Retry-After": "5"})
