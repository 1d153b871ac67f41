"""A proxy to the API server with the caller's credentials, for the command line.

`orchestrator --server` works as it does on a cluster: it reads the same objects, checks the same,
and prints the same. So it needs the objects of the API server, not the answers of our routes.
`RULES` says which; all else is refused here, whatever the caller's rights are.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from orchestrator.api.clients import BearerToken, Caller
from orchestrator.api.dependencies import bearer, caller_of
from orchestrator.api.history_cluster import recorded_revision
from orchestrator.api.history_responses import HistoryUnavailableError
from orchestrator.api.problems import CHALLENGE, ProblemError
from orchestrator.api.senders import CALLER
from orchestrator.api.streaming import BrokenError, Passed, Stream
from orchestrator.kube.errors import cause_of
from orchestrator.kube.resources import CONTROLLER_REVISIONS, KINDS, PODS, Resource
from orchestrator.models.base import API_VERSION
from orchestrator.session.cluster import Raw

PATH = "/kubernetes"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_REVIEWS = (
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
)
_SENT = ("accept", "content-type", "user-agent", "impersonate-user", "impersonate-uid",
         "impersonate-group")  # fmt: skip
"""The headers that are passed on, besides the token and impersonate-extra-*."""
_RETURNED = ("content-type", "content-length", "retry-after", "warning")


@dataclass(frozen=True, slots=True)
class Rule:
    """A resource, and the requests that are allowed for it."""

    resource: Resource
    methods: Sequence[str] = ("GET",)
    subresource: str = ""

    def allows(self, method: str, path: str) -> bool:
        """Whether it is a request for this resource: one object, or a list of a namespace or of
        all."""
        if method not in self.methods:
            return False
        one = self.resource.path("NAMESPACE", "NAME", self.subresource)
        if _fits(one, path):
            return method != "POST"
        lists = () if self.subresource else (None, "NAMESPACE")
        return method in ("GET", "POST") and any(
            _fits(self.resource.path(namespace), path) for namespace in lists
        )


RULES = (
    *(Rule(kind, METHODS) for kind in KINDS),
    Rule(PODS),
    Rule(PODS, subresource="log"),
    Rule(CONTROLLER_REVISIONS),
)
"""Also allowed are the two reviews that say who the caller is and whether they have a right, and
the list of our kinds."""


def is_allowed(method: str, path: str) -> bool:
    """Whether a request to this path of the API server is passed on."""
    if path in _REVIEWS:
        return method == "POST"
    if path == f"/apis/{API_VERSION}":
        return method == "GET"
    return any(rule.allows(method, path) for rule in RULES)


def _fits(pattern: str, path: str) -> bool:
    return _match(pattern, path) is not None


def _match(pattern: str, path: str) -> re.Match[str] | None:
    name = r"([a-z0-9][-.a-z0-9]*)"
    return re.fullmatch(re.sub("NAMESPACE|NAME", name, re.escape(pattern)), path)


async def proxy_request(request: Request) -> Response:
    """The API server's answer to a request with the caller's token."""
    credentials = await bearer(request)
    if credentials is None:  # a browser's session has no use for it
        raise ProblemError(401, "send the bearer token of a user of the cluster", headers=CHALLENGE)
    caller = await caller_of(request, credentials)
    assert isinstance(caller.user, BearerToken)
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.decode("ascii", "replace").partition(PATH)[2].partition("?")[0]
    if not is_allowed(request.method, path):
        words = f"needs access to the cluster: this API passes on no {request.method} of {path}"
        return _status(405, "MethodNotAllowed", words)
    # Not of request.url, whose query depends on the header Host.
    query = request.scope["query_string"].decode("latin-1")
    streaming = is_streaming(QueryParams(query))
    if streaming:
        request.app.state.streams.check(request.scope[CALLER])  # before anything is opened
    stack = AsyncExitStack()
    try:
        answer = await stack.enter_async_context(
            caller.clients.proxy.request(
                request.method,
                f"{path}?{query}" if query else path,
                [("authorization", f"Bearer {caller.user.text}"), *_sent(request.headers)],
                await request.body() or None,
                streams=streaming,
            )
        )
        if answer.status == 404 and (recorded := await _recorded(request, caller, path)):
            return Response(orjson.dumps(recorded), media_type="application/json")
        headers = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        if streaming and answer.status == 200:
            media_type = headers.get("content-type", "application/json")
            stopping: asyncio.Event = request.app.state.stopping
            return Stream(request, _parts(answer, stack.pop_all(), stopping), media_type)
        # As it comes: a list may be larger than our memory.
        return Passed(_whole(answer, stack.pop_all()), answer.status, headers)
    except (aiohttp.ClientError, TimeoutError) as error:
        words = f"the API server does not answer: {cause_of(error)}"
        return _status(503, "ServiceUnavailable", words)
    finally:
        await stack.aclose()


async def _recorded(request: Request, caller: Caller, path: str) -> Raw | None:
    """The record of a revision that the API server does not have; its 404 shows that the caller
    may get it. What a command explains or draws of an execution of the history needs it."""
    history = caller.clients.history
    named = _match(CONTROLLER_REVISIONS.path("NAMESPACE", "NAME"), path)
    if history is None or named is None or request.method != "GET":
        return None
    namespace, name = named.groups()
    try:
        return await run_in_threadpool(recorded_revision, history, namespace, name)
    except HistoryUnavailableError:
        return None


def is_streaming(query: QueryParams) -> bool:
    """Whether the response is a stream that the client ends: a watch, or a followed log.

    To the API server, each value but `false` is true, the empty one too
    (k8s.io/apimachinery, Convert_Slice_string_To_bool).
    """
    values = [*query.getlist("watch"), *query.getlist("follow")]
    return any(value.lower() != "false" for value in values)


def _sent(headers: Headers) -> list[tuple[str, str]]:
    return [
        (name, text)
        for name, text in headers.items()
        if name in _SENT or name.startswith("impersonate-extra-")
    ]


async def _whole(answer: aiohttp.ClientResponse, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    """The answer as it arrives. Raises BrokenError if its end is missing."""
    try:
        async for part in answer.content.iter_any():
            yield part
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BrokenError(cause_of(error)) from error
    finally:
        await stack.aclose()


async def _parts(
    answer: aiohttp.ClientResponse, stack: AsyncExitStack, stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    """The answer as it arrives, until its end or that of the process."""
    ending = asyncio.ensure_future(stopping.wait())
    part: asyncio.Future[bytes] | None = None
    try:
        while not stopping.is_set():
            part = asyncio.ensure_future(answer.content.readany())
            await asyncio.wait({part, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not part.done() or not (read := part.result()):
                return
            yield read
    except (aiohttp.ClientError, TimeoutError):
        return  # as when the API server ends it: the reader opens it again
    finally:
        for each in (part, ending):
            if each is not None:
                each.cancel()
        await stack.aclose()


def _status(status: int, reason: str, message: str) -> Response:
    """A refusal in the API server's form."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": status,
    }
    return Response(orjson.dumps(body), status, media_type="application/json")
