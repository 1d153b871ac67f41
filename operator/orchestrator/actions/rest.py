"""Calls of a service's HTTP API: one deadline, rate limits, and the classification of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr

from orchestrator.actions.action import PERMANENT_EXIT_CODES, ActionError, Context
from orchestrator.actions.sending import (
    TRANSIENT_STATUSES,
    WithTimeout,
    classify,
    redacted_url,
    retry_after,
    session,
)
from orchestrator.models.base import parse_duration

if TYPE_CHECKING:
    import requests

    from orchestrator.actions.http_session import Session

REQUEST_TIMEOUT = 30.0
"""Maximum seconds of one request; the action's timeout limits all of them together."""
MIN_TIMEOUT = 0.1
"""Minimum seconds of a request, for the last one of a wait that is at its deadline."""
MAX_ANSWER = 8 * 1024 * 1024
"""Maximum size of a response's body, in bytes."""
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods of requests that may be sent again although the server failed."""
MAX_REASON = 300
"""Maximum number of characters of a service's own error message."""
T = TypeVar("T")
Url = Annotated[str, Field(pattern=r"^https?://[^/\s@]+(/\S*)?$", max_length=2048)]
"""Address of a service, without credentials."""


class OnServer(WithTimeout):
    """The TLS settings of an action that calls a server which may have a private certificate."""

    tls_verify: bool = True
    """Whether to verify the server's certificate."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""


def bearer(token: SecretStr | None) -> dict[str, str]:
    """The header that authenticates with a bearer token; none without a token."""
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def basic(username: str, password: SecretStr | None) -> dict[str, str]:
    """The header of basic authentication; none without a user and a password."""
    import base64

    if not (username or password):
        return {}
    secret = password.get_secret_value() if password else ""
    encoded = base64.b64encode(f"{username}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def _no_reason(_response: requests.Response) -> str:
    return ""


@dataclass
class Api:
    """The HTTP API of a service, called until a deadline."""

    name: str
    """The service as messages name it."""
    url: str
    http: Session
    context: Context
    deadline: float
    """When the action's timeout ends, by the context's monotonic clock."""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: Callable[[requests.Response], str] = _no_reason
    """Reads the service's own message from a response that reports an error."""
    secret_url: bool = False
    """Whether the URL is a secret, such as that of a webhook: messages do not contain it."""

    def call(
        self,
        method: str,
        path: str,
        *,
        accept: tuple[int, ...] = (),
        missing: str = "",
        **request: Any,
    ) -> requests.Response:
        """The response with a 2xx status, or one of `accept`.

        Waits for rate limits as long as the deadline allows. `missing` names what does not exist
        if the response is a 404. Raises ActionError for any other response; it is transient for a
        rate limit and for a failure of the server.
        """
        response = self.send(method, path, accept=accept, **request)
        if response.status_code < 300 or response.status_code in accept:
            return response
        if missing and response.status_code == 404:
            raise ActionError(f"{self.name} has no {missing}", permanent=True)
        raise self._error(response)

    def send(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), **request: Any
    ) -> requests.Response:
        """The response with any status, after waiting for rate limits whose status is not one of
        `accept`.

        A request that is not idempotent is not sent again after a failure of the server: an
        action's next attempt looks for what the request may have done. With `stream`, the body of
        a 2xx response is left unread.
        """
        own = dict(request.pop("headers", {}))
        clock = self.context.clock
        while True:
            end = max(self.deadline, clock.monotonic() + MIN_TIMEOUT)
            self.http.left = lambda end=end: end - clock.monotonic()
            response = self.http.request(
                method,
                f"{self.url.rstrip('/')}{path}" if path else self.url,
                headers={"User-Agent": "itechsmart-workflow", **self.headers, **own},
                timeout=max(min(self.left, REQUEST_TIMEOUT), MIN_TIMEOUT),
                allow_redirects=False,
                **{"stream": True, **request},
            )
            if response.status_code >= 300 or not request.get("stream"):
                self._read(response)
            if response.status_code < 300 or response.status_code in accept:
                return response
            wait = retry_after(response, self.context)
            unsafe = response.status_code >= 500 and method not in IDEMPOTENT
            if wait is None or unsafe:
                return response
            if wait >= self.left:
                raise ActionError(f"{self.name} limits the rate and asks to wait {wait:g} s")
            self.context.log(f"{self.name} limits the rate, waiting {wait:g} s")
            self.context.clock.sleep(wait)

    def _read(self, response: requests.Response) -> None:
        from orchestrator.actions.http_session import beginning

        with response:
            content = beginning(response, MAX_ANSWER)
        if len(content) > MAX_ANSWER:
            raise ActionError(
                f"{self.name} responded with more than {MAX_ANSWER} bytes", permanent=True
            )
        response._content = content  # as requests does without a limit

    def json(self, method: str, path: str, **request: Any) -> Any:
        """The value of a response in JSON; raises ActionError as `call` does."""
        return self.parsed(self.call(method, path, **request))

    def field(self, name: str, method: str, path: str, **request: Any) -> Any:
        """A field of the object in a response; raises ActionError as `json` does, and a transient
        one if the object has no such field."""
        value = self.json(method, path, **request)
        if not isinstance(value, dict) or name not in value:
            raise ActionError(f"{self.name} responded without {name!r}")
        return value[name]

    def parsed(self, response: requests.Response) -> Any:
        """The JSON of a response; raises ActionError if it is none, which is permanent unless the
        service says that it is JSON."""
        try:
            return response.json()
        except ValueError:
            if "json" in response.headers.get("Content-Type", ""):
                raise ActionError(f"{self.name} responded with damaged JSON") from None
            raise ActionError(
                f"{self._shown(response.url)} did not respond with JSON; is this the URL of "
                f"{self.name}?",
                permanent=True,
            ) from None

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - self.context.clock.monotonic()

    def wait(self, read: Callable[[], T | None], every: float, pending: Callable[[], str]) -> T:
        """The first value that `read` returns; reads every so many seconds.

        Transient errors do not end the wait. At the deadline it raises a transient ActionError
        with `pending`, the state that was not reached, or with the last error.
        """
        problem = ""
        while True:
            try:
                value, problem = read(), ""
            except Exception as error:
                failure = error if isinstance(error, ActionError) else classify(error)
                if failure is None or _permanent(failure):
                    raise
                if str(failure) != problem:
                    self.context.log(f"{failure}; still waiting")
                value, problem = None, str(failure)
            if value is not None:
                return value
            if self.left <= every:
                raise ActionError(f"{pending()} after the timeout{problem and f': {problem}'}")
            self.context.clock.sleep(every)

    def _error(self, response: requests.Response) -> ActionError:
        status = response.status_code
        if 300 <= status < 400:
            target = self._shown(response.headers.get("Location", ""))
            return ActionError(
                f"{self._shown(response.url)} redirects to {target or 'another address'}; "
                f"use the final URL of {self.name}",
                permanent=True,
            )
        reason = " ".join(self.reason(response).split())[:MAX_REASON] or response.reason
        path = "" if self.secret_url else f" {urlsplit(response.url).path[:200]}"
        return ActionError(
            f"{self.name} responded to {response.request.method}{path} with {status}: {reason}",
            permanent=status < 500 and status not in TRANSIENT_STATUSES,
        )

    def _shown(self, url: str) -> str:
        return self.name if self.secret_url else redacted_url(url)


@contextmanager
def api(
    name: str,
    url: str,
    parameters: WithTimeout,
    context: Context,
    *,
    headers: Mapping[str, str] | None = None,
    reason: Callable[[requests.Response], str] = _no_reason,
    secret_url: bool = False,
) -> Iterator[Api]:
    """The API of a service, with the timeout and the TLS settings of the parameters."""
    deadline = context.clock.monotonic() + parse_duration(parameters.timeout)
    tls = (
        {"tls_verify": parameters.tls_verify, "ca_certificate": parameters.ca_certificate}
        if isinstance(parameters, OnServer)
        else {}
    )
    with session(**tls) as http:  # type: ignore[arg-type]
        yield Api(name, url, http, context, deadline, headers or {}, reason, secret_url)


def segment(text: str) -> str:
    """A string as one segment of a path."""
    return quote(text, safe="")


def body_of(response: requests.Response) -> Any:
    """The value of a response in JSON; None if it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def message_of(*names: str) -> Callable[[requests.Response], str]:
    """Reads the first of these fields in a response's JSON object, or a short plain text."""

    def reason(response: requests.Response) -> str:
        body = body_of(response)
        if body is None:
            text = response.text.strip()
            return "" if text.startswith("<") else text
        found = (body.get(name) for name in names) if isinstance(body, dict) else ()
        return next((_words(each) for each in found if each), "")

    return reason


def _words(value: Any) -> str:
    """A message that is a string, a list of messages, or an object of messages by field."""
    match value:
        case dict():
            return "; ".join(f"{name}: {_words(each)}" for name, each in value.items())
        case list():
            return ", ".join(_words(each) for each in value)
        case _:
            return str(value)


def _permanent(error: ActionError) -> bool:
    return error.exit_code in PERMANENT_EXIT_CODES
