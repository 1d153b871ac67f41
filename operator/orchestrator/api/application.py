"""The application: its routes, and what answers errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from orchestrator.api.clients import Clients
from orchestrator.api.dependencies import bearer, caller_of, strict_query
from orchestrator.api.instrumentation import MetricsMiddleware
from orchestrator.api.kubernetes_proxy import METHODS, PATH, proxy_request
from orchestrator.api.limits import Limits, Slots
from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.middleware import OPEN, Guard
from orchestrator.api.oidc.login import Login
from orchestrator.api.openapi import DESCRIPTION, RESPONSES, TITLE, document
from orchestrator.api.problems import ProblemError, of_api, of_command, of_usage
from orchestrator.api.routes.probes import Readiness
from orchestrator.api.routes.registry import ROUTERS
from orchestrator.kube.errors import ApiError
from orchestrator.operations.errors import CommandError
from orchestrator.session.errors import UsageError
from orchestrator.validation.annotations import plain
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem, join

PREFIX = "/automation"
MAX_THREADS = 64
"""Requests to the API server that are waited for at a time."""
LOGIN_THREADS = 8
"""Requests to the OpenID provider that are waited for at a time."""
logger = logging.getLogger(__name__)


def create_application(
    clients: Clients | None,
    limits: Limits | None = None,
    login: Login | None = None,
    metrics: ApiMetrics | None = None,
) -> FastAPI:
    """The application; without clients, only its description can be used. Without `login`,
    browsers cannot log in; without `metrics`, what is measured is lost."""
    limits = limits or Limits()
    metrics = metrics or ApiMetrics(CollectorRegistry())
    application = FastAPI(
        title=TITLE,
        version="v1alpha1",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        dependencies=[Depends(strict_query)],
        responses=RESPONSES,
    )
    application.state.clients = clients
    application.state.limits = limits
    application.state.login = login
    application.state.readiness = Readiness(clients)
    application.state.stopping = asyncio.Event()
    streams = Slots(limits.streams, "streams", limits.streams_of_caller)
    application.state.streams = streams
    metrics.observe(lambda: streams.active)
    for router in ROUTERS:
        application.include_router(router, prefix=PREFIX)
    application.add_route(
        f"{PREFIX}{PATH}/{{path:path}}", proxy_request, METHODS, include_in_schema=False
    )
    cookie = "" if login is None else login.session_cookie
    application.add_middleware(
        Guard,
        limits=limits,
        metrics=metrics,
        authenticate=_authenticate,
        session_cookie=cookie,
    )
    # The last one added is the outermost: it also measures what the other refuses.
    route_of = _routes_of(application)
    application.add_middleware(MetricsMiddleware, metrics=metrics, route_of=route_of, without=OPEN)
    _add_handlers(application)
    application.openapi = lambda: document(application)  # type: ignore[method-assign]
    return application


async def _authenticate(scope: Scope) -> None:
    """Raises ProblemError if the API server does not accept the credentials of a request."""
    request = Request(scope)
    caller = await caller_of(request, await bearer(request))
    try:
        await run_in_threadpool(caller.cluster().who)
    except UsageError as error:
        raise of_usage(error) from error


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = MAX_THREADS
    application.state.login_threads = CapacityLimiter(LOGIN_THREADS)
    yield
    if application.state.clients is not None:
        await application.state.clients.close()


def _routes_of(application: FastAPI) -> Callable[[Scope], str]:
    """The template of the route that served a request; empty if none did."""
    others = {
        route.endpoint: route.path_format
        for route in application.routes
        if isinstance(route, Route) and not isinstance(route, APIRoute)
    }

    def route_of(scope: Scope) -> str:
        route = scope.get("route")
        if isinstance(route, APIRoute):
            return PREFIX + route.path_format.removeprefix(PREFIX)
        endpoint = scope.get("endpoint")
        return "" if endpoint is None else others.get(endpoint, "")

    return route_of


def _add_handlers(application: FastAPI) -> None:
    async def refused(_: Request, error: Exception) -> Response:
        match error:
            case ProblemError():
                return error.answer()
            case UsageError():
                return of_usage(error).answer()
            case CommandError():
                return of_command(error).answer()
            case ApiError():
                return of_api(error).answer()
            case HTTPException():
                return _of_http(error).answer()
        logger.error("a request failed", exc_info=error)
        return ProblemError(500, "the API failed; its log says why").answer()

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _of_validation(request, error).answer()

    for kind in (ProblemError, UsageError, CommandError, ApiError, HTTPException, Exception):
        application.add_exception_handler(kind, refused)
    application.add_exception_handler(RequestValidationError, invalid)


def _of_http(error: HTTPException) -> ProblemError:
    match error.status_code:
        case 404:
            detail = f"there is no such path; {PREFIX}/openapi.json lists them"
        case 405:
            detail = f"the path has no such method; {PREFIX}/openapi.json lists them"
        case _:
            detail = str(error.detail)
    return ProblemError(error.status_code, detail, headers=error.headers)


def _of_validation(request: Request, error: RequestValidationError) -> ProblemError:
    """The problems of a body in the validator's words; those of parameters in pydantic's."""
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return ProblemError(400, "the body is not JSON")
    problems = [_of_parameter(detail) for detail in details if detail["loc"][:1] != ("body",)]
    if len(problems) < len(details):
        problems += _of_body(request, error.body, details)
    return ProblemError(422, str(problems[0]), problems)


def _of_body(request: Request, body: Any, details: Sequence[Any]) -> list[Problem]:
    route = request.scope.get("route")
    field = route.body_field if isinstance(route, APIRoute) else None
    model = plain(field.field_info.annotation) if field is not None else None
    if body is None:
        return [Problem("body", "is required")]
    if isinstance(model, type) and issubclass(model, BaseModel):
        if not isinstance(body, dict):
            return [Problem("body", "must be an object")]
        found = parse(model, body, "")
        if isinstance(found, list) and found:
            return [Problem(each.path or "body", each.message) for each in found]
    return [_of_parameter(detail) for detail in details]


def _of_parameter(detail: Any) -> Problem:
    where, *steps = detail["loc"]
    message = str(detail["msg"])
    return Problem(join(str(where), *steps), message[:1].lower() + message[1:])
