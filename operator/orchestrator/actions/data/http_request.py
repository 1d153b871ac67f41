"""http-request: send an HTTP request and check the status of the response."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, field_validator, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.sending import (
    TRANSIENT_STATUSES,
    WithTimeout,
    classify,
    redacted_url,
    session,
)
from orchestrator.models.base import parse_duration

if TYPE_CHECKING:
    import requests
    from requests.auth import HTTPBasicAuth

MAX_DOWNLOAD = 1024 * 1024
"""Maximum number of bytes read from a response's body; the rest is not fetched."""
MAX_JSON = 2048
"""Maximum size of a JSON body that is also an output, in bytes."""
OUTPUT_HEADERS = (
    "content-type",
    "content-length",
    "location",
    "etag",
    "retry-after",
    "x-request-id",
)


class Method(StrEnum):
    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    OPTIONS = "OPTIONS"


class HttpRequest(WithTimeout):
    """Parameters of http-request."""

    url: Annotated[str, Field(pattern=r"^https?://[^/\s]+\S*$", max_length=8192)]
    """Address, http:// or https://."""
    method: Method = Method.GET
    """HTTP method."""
    headers: dict[str, str] = {}
    """Headers; secrets go into token, password or apiKey."""
    query: dict[str, str | int | float | bool | list[str]] = {}
    """Query parameters, encoded and added to those of the url."""
    body: str = ""
    """Body as text; set either this or json."""
    json_: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    """Body as an object, sent as application/json."""
    expect_status: list[int | str] = ["2xx"]
    """Statuses that count as success: numbers, or classes such as 2xx."""
    follow_redirects: bool = True
    """Whether to follow redirects, at most ten; credentials are not sent to another host."""
    token: SecretStr | None = None
    """Sent as a bearer token."""
    username: str = ""
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    api_key: SecretStr | None = None
    """Sent in the header that apiKeyHeader names."""
    api_key_header: str = "X-API-Key"
    """Header for apiKey."""
    tls_verify: bool = True
    """Whether to verify the server's certificate."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""
    max_body: Annotated[int, Field(ge=0, le=3500)] = 2048
    """Maximum number of bytes of the body in the outputs."""

    @field_validator("expect_status")
    @classmethod
    def _statuses(cls, statuses: list[int | str]) -> list[int | str]:
        for status in statuses:
            if not re.fullmatch("[1-5]([0-9]{2}|xx)", str(status).lower()):
                raise ValueError(f"{status} is not a status; write numbers such as 204, or 2xx")
        return statuses

    @model_validator(mode="after")
    def _one_of_each(self) -> HttpRequest:
        if self.body and self.json_ is not None:
            raise ValueError("set either body or json, not both")
        if self.token and (self.username or self.password):
            raise ValueError("set either token, or username and password, not both")
        return self


class HttpResponse(Outputs):
    """Outputs of http-request."""

    bulky = ("json", "items", "body")

    status: int
    """HTTP status."""
    headers: dict[str, str]
    """The most useful headers, in lower case."""
    body: str = ""
    """The body as text, shortened to maxBody."""
    json_: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    """The value of the body, if it is a JSON object of at most 2 KiB."""
    items: list[Any] | None = None
    """The value of the body, if it is a JSON list of at most 2 KiB."""
    url: str = ""
    """URL of the response after redirects, without query."""
    duration_ms: int
    """Milliseconds from the request to the end of the response."""
    truncated: bool = False
    """Whether an output was truncated."""


def http_request(parameters: HttpRequest, context: Context) -> HttpResponse:
    """Sends an HTTP request and checks the status of the response."""
    context.log(f"{parameters.method} {redacted_url(parameters.url)}")
    # Imported here: importing requests is slow.
    from orchestrator.actions.http_session import beginning

    started = context.clock.monotonic()
    timeout = parse_duration(parameters.timeout)
    with session(
        tls_verify=parameters.tls_verify, ca_certificate=parameters.ca_certificate
    ) as http:
        http.left = lambda: started + timeout - context.clock.monotonic()
        if parameters.api_key:
            http.secret_headers.add(parameters.api_key_header)
        with http.request(
            parameters.method.value,
            parameters.url,
            params=parameters.query,
            data=parameters.body.encode() or None,
            json=parameters.json_,
            headers=_headers(parameters, context),
            auth=_basic(parameters),
            timeout=timeout,
            allow_redirects=parameters.follow_redirects,
            stream=True,
        ) as response:
            content = beginning(response, MAX_DOWNLOAD)
    duration = round(1000 * (context.clock.monotonic() - started))
    context.log(f"{response.status_code} {response.reason} in {duration} ms, {len(content)} bytes")
    _check(parameters, response)
    return _outputs(parameters, response, content, duration)


def _headers(parameters: HttpRequest, context: Context) -> dict[str, str]:
    headers = {"User-Agent": "itechsmart-workflow"}
    if parameters.method not in (Method.GET, Method.HEAD, Method.OPTIONS):
        headers["Idempotency-Key"] = context.identity.key
    if parameters.token:
        headers["Authorization"] = f"Bearer {parameters.token.get_secret_value()}"
    if parameters.api_key:
        headers[parameters.api_key_header] = parameters.api_key.get_secret_value()
    return headers | parameters.headers


def _basic(parameters: HttpRequest) -> HTTPBasicAuth | None:
    if not (parameters.username or parameters.password):
        return None
    from requests.auth import HTTPBasicAuth

    password = parameters.password.get_secret_value() if parameters.password else ""
    return HTTPBasicAuth(parameters.username.encode(), password.encode())


def _check(parameters: HttpRequest, response: requests.Response) -> None:
    status = str(response.status_code)
    expected = [str(each).lower() for each in parameters.expect_status]
    if status in expected or f"{status[0]}xx" in expected:
        return
    raise ActionError(
        f"{redacted_url(parameters.url)} responded with {status} {response.reason}; "
        f"expected {' or '.join(expected)}",
        permanent=response.status_code < 500 and response.status_code not in TRANSIENT_STATUSES,
    )


def _outputs(
    parameters: HttpRequest, response: requests.Response, content: bytes, duration: int
) -> HttpResponse:
    kept = content[: parameters.max_body].decode(response.encoding or "utf-8", errors="replace")
    value = _parsed(content)
    return HttpResponse(
        status=response.status_code,
        headers={
            name: response.headers[name][:256]
            for name in OUTPUT_HEADERS
            if name in response.headers
        },
        body=kept,
        json_=value if isinstance(value, dict) else None,
        items=value if isinstance(value, list) else None,
        url=redacted_url(response.url),
        duration_ms=duration,
        truncated=len(content) > parameters.max_body,
    )


def _parsed(content: bytes) -> Any:
    if len(content) > MAX_JSON:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None


ACTION = Action(
    name="http-request",
    title="Send an HTTP request",
    category="data",
    icon="globe",
    parameters=HttpRequest,
    outputs=HttpResponse,
    run=http_request,
    retries=(
        "Retried: no connection, no response in time, 408, 425, 429 and 5xx. Not retried: other "
        "unexpected statuses, TLS that is not trusted. Every attempt sends the same "
        "Idempotency-Key header, by which a service can recognise a repeated request."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: service-api, key: token}}
        nodes:
        - name: check
          action: http-request
          with:
            url: https://service.example.com/healthz
            expectStatus: [200, 503]
            token: "$[[ vars.token ]]"
    """,
)
