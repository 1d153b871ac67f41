"""From a request to its answer: verified, delivered, and answered once its events are stored."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from orchestrator.dispatch.compute import Inline
from orchestrator.dispatch.creator import HeldUpError
from orchestrator.dispatch.delivery import Delivery
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.kube.client import ApiError
from orchestrator.receiver import responses
from orchestrator.receiver.callers import SUBRESOURCE, VERB, Callers
from orchestrator.receiver.limits import Limits, Slots, TooManyError
from orchestrator.receiver.metrics import NO_TRIGGER
from orchestrator.receiver.request_reader import read_request
from orchestrator.receiver.results import result_of
from orchestrator.receiver.secrets import SecretError
from orchestrator.receiver.shared import Shared, labels_of
from orchestrator.receiver.unmatched_requests import UnmatchedRequests
from orchestrator.triggers.plan import Outcome
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.schemes.bearer import token_of
from orchestrator.triggers.sources import (
    NOT_VERIFIED,
    Event,
    HttpRequest,
    HttpResponse,
    Requests,
    not_verified,
)

logger = logging.getLogger(__name__)

PREFIX = "/triggers/"
"""Each trigger has the path /triggers/NAMESPACE/NAME."""
LARGE_BODY = 256 * 1024
"""Bytes from which bodies are verified and parsed in a thread."""
METHODS = ("POST", "OPTIONS")
"""The methods of every path, whether or not there is a trigger."""
Other = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class _Waits:
    """A caller waits for the result of an execution."""

    stored: web.Response
    """The answer without the result."""
    key: Key
    """The trigger."""
    delivery: Delivery
    seconds: float


class Handler:
    """Answers requests."""

    def __init__(
        self,
        shared: Shared,
        callers: Callers,
        offload: Inline,
        limits: Limits,
        others: Mapping[str, Other] | None = None,
    ) -> None:
        """`others` answer the paths that are not of triggers."""
        self._others = others or {}
        self._shared = shared
        self._callers = callers
        self._offload = offload
        self._limits = limits
        self._missing = UnmatchedRequests(shared.monotonic)
        self._slots = Slots(limits)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Respond to a request; an unexpected error is logged, and the sender retries."""
        shared, began = self._shared, self._shared.monotonic()
        found = await self._find(request.path)
        labels = labels_of(*found) if found else NO_TRIGGER
        waits = "wait" in request.query
        try:
            with self._slots.request():
                shared.metrics.active(self._slots.active)
                answered = await self._read(request, found)
            # A caller who waits holds no slot and no body.
            response = await self._result(answered) if isinstance(answered, _Waits) else answered
        except TooManyError as error:
            response = responses.refusal(429, f"{error}; try again later", {"Retry-After": "1"})
            response.force_close()
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            logger.exception("a request to a trigger of type %s failed", labels.type)
            response = responses.unavailable("the receiver failed; its log says why")
        finally:
            shared.metrics.active(self._slots.active)
        seconds = None if waits else shared.monotonic() - began
        shared.metrics.answered(labels, response.status, seconds)
        return response

    async def _find(self, path: str) -> tuple[Raw, Trigger] | None:
        """The trigger at a path, if it is valid and takes requests."""
        namespace, _, name = path.removeprefix(PREFIX).partition("/")
        if not path.startswith(PREFIX) or not namespace or not name or "/" in name:
            return None
        raw = self._shared.triggers.get(namespace, name)
        trigger = await self._shared.specs.read(raw) if raw is not None else None
        if raw is None or trigger is None or not isinstance(trigger.type.source, Requests):
            return None
        return raw, trigger

    async def _read(
        self, request: web.BaseRequest, found: tuple[Raw, Trigger] | None
    ) -> web.Response | _Waits:
        """Read the request in full, whether or not the trigger exists, so that both look alike."""
        if request.method not in METHODS:
            return responses.refusal(405, f"use {METHODS[0]}", {"Allow": ", ".join(METHODS)})
        now = self._shared.clock()
        with self._slots.reading(request.remote or ""):
            read = await read_request(request, self._limits, self._slots, now)
        if isinstance(read, HttpResponse):
            response = responses.from_trigger_type(read)
            response.force_close()  # the rest of its body is not read
            return response
        try:
            if (other := self._others.get(request.path)) is not None:
                return responses.from_trigger_type(await other(read))
            if found is None:
                self._missing.requested(request.path)
                hmac.new(b"-", read.body, hashlib.sha256).digest()
                return self._refused(None, not_verified(""))
            with self._slots.trigger(key_of(found[0])):
                return await self._process(*found, read)
        finally:
            self._slots.release(len(read.body))

    async def _process(
        self, raw: Raw, trigger: Trigger, request: HttpRequest
    ) -> web.Response | _Waits:
        source = trigger.type.source
        assert isinstance(source, Requests)
        if request.method not in source.methods:
            return self._refused(raw, not_verified(f"the method is {request.method}"))
        try:
            async with asyncio.timeout(self._limits.store_seconds):
                if source.authenticates:
                    authenticated = await self._authenticated(raw, request)
                    if isinstance(authenticated, HttpResponse):
                        return self._refused(raw, authenticated)
                    request = authenticated
                received = await self._received(raw, trigger, source, request)
                if isinstance(received, HttpResponse):
                    return self._refused(raw, received)
                if trigger.spec.suspend:
                    return responses.refusal(409, "the trigger is suspended")
                deliveries = await self._deliver(raw, trigger, received)
        except SecretError as error:
            self._shared.failed(raw, error.message)
            return responses.unavailable("the trigger cannot verify requests now; see its status")
        except HeldUpError as error:
            self._shared.failed(raw, str(error))
            return responses.unavailable("a quota refuses the execution; try again later", 30)
        except ApiError as error:
            logger.warning("an event was not stored: %s", error)
            wait = responses.RETRY_SECONDS if error.retry_after is None else int(error.retry_after)
            return responses.unavailable(
                "the event could not be stored; try again", max(1, min(wait, 300))
            )
        except TimeoutError:
            self._shared.metrics.not_stored(labels_of(raw, trigger))
            return responses.unavailable("the event was not stored in time; try again")
        return self._delivered(raw, trigger, request, deliveries)

    async def _received(
        self, raw: Raw, trigger: Trigger, source: Requests[Any], request: HttpRequest
    ) -> Sequence[Event] | HttpResponse:
        """The events of a request. One that is not verified is tried again with secrets that are
        read again: they may have been rotated."""
        keys = source.secrets(trigger.settings)
        before: list[bytes] | None = None
        for fresh in (False, True):
            secrets = await self._shared.secrets.values(raw["metadata"], keys, fresh=fresh)
            if secrets == before:
                break
            before = secrets
            work = partial(source.receive, trigger.settings, request, secrets)
            received = await self._offload.run(work, long=len(request.body) > LARGE_BODY)
            if (
                not keys
                or not isinstance(received, HttpResponse)
                or received.status != NOT_VERIFIED
            ):
                break
        return received

    async def _authenticated(self, raw: Raw, request: HttpRequest) -> HttpRequest | HttpResponse:
        """The request with its caller, whom the API server knows and allows to fire the trigger."""
        caller = await self._callers.of(token_of(request))
        if caller is None:
            return not_verified("the bearer token is missing or not valid")
        namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
        if not await self._callers.may_fire(caller, namespace, name):
            right = f"the verb {VERB} on triggers/{SUBRESOURCE}"
            return HttpResponse(403, f"{caller.name} may not fire {name}: it requires {right}")
        return HttpRequest(
            request.method, request.headers, request.query, request.body, request.received_at,
            caller.name, request.certificate, request.id,
        )  # fmt: skip

    async def _deliver(
        self, raw: Raw, trigger: Trigger, events: Sequence[Event]
    ) -> Sequence[Delivery]:
        """Deliver all events; if one cannot be stored, the sender retries all of them.

        Raises TooManyError, before anything is stored.
        """
        with self._slots.events(key_of(raw), len(events)):
            work = [self._shared.deliver(raw, trigger, event) for event in events]
            results = await asyncio.gather(*work, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Delivery)]

    def _delivered(
        self, raw: Raw, trigger: Trigger, request: HttpRequest, deliveries: Sequence[Delivery]
    ) -> web.Response | _Waits:
        """The response to stored events; with `wait`, it waits for the result of the execution."""
        stored, first = responses.delivered(deliveries), deliveries[0]
        seconds = _seconds(request.query.get("wait", ""), self._limits.wait_seconds)
        # With a dedupe.key, the execution may be that of another caller's event.
        own = first.outcome is Outcome.STARTED or trigger.spec.dedupe is None
        source = trigger.type.source
        assert isinstance(source, Requests)
        if not source.authenticates or not first.execution or not (seconds and own):
            return stored
        return _Waits(stored, key_of(raw), first, seconds)

    async def _result(self, waits: _Waits) -> web.Response:
        """The answer with the result of the execution, if it ends in time."""
        namespace, name = waits.key[0] or "", waits.delivery.execution
        with self._slots.waiting(waits.key) as may:
            client = self._shared.client
            result = await result_of(client, namespace, name, waits.seconds) if may else None
        if result is None:
            return waits.stored
        body = {"execution": name, "outcome": waits.delivery.outcome.value, **result}
        return responses.json_response(200, body)

    def _refused(self, raw: Raw | None, given: HttpResponse) -> web.Response:
        if raw is not None and given.status >= 400:
            self._shared.failed(raw, f"a request was refused: {given.detail or given.message}")
        return responses.from_trigger_type(given)


def _seconds(text: str, limit: float) -> float:
    """The seconds for which a caller waits; 0 for anything that is no number."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return min(seconds, limit) if seconds > 0 else 0.0  # NaN is not
