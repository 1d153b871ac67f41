"""Calls of another service: redirects, failures and secret URLs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import requests

from orchestrator.actions.action import FAILED, PERMANENT, ActionError, Context
from orchestrator.actions.data.http_request import HttpRequest, http_request
from orchestrator.actions.main import SystemClock
from orchestrator.actions.rest import api
from orchestrator.actions.sending import WithTimeout, classify
from tests.vendors.stub import CUT, Fault, Request, Response, Stub, json_response


class Thing(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/v1/thing", self.show)

    def show(self, request: Request) -> Response:
        request.demand_bearer("t0ken")
        return json_response(200, {"thing": "x"})


@pytest.fixture
def stub() -> Iterator[Thing]:
    with Thing() as started:
        yield started


def call(
    stub: Stub, context: Context, timeout: str = "30s", *, secret_url: bool = False, **options: Any
) -> Any:
    headers, parameters = {"Authorization": "Bearer t0ken"}, WithTimeout(timeout=timeout)
    with api(
        "Thing", f"{stub.url}/v1/", parameters, context, headers=headers, secret_url=secret_url
    ) as thing:
        return thing.field("thing", "GET", "/thing", **options)


def refusal(stub: Stub, context: Context, **options: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        call(stub, context, **options)
    return caught.value


def test_a_value_is_read(stub: Thing, context: Context) -> None:
    assert call(stub, context) == "x"


def test_a_redirect_is_not_followed(stub: Thing, context: Context) -> None:
    stub.fail(Fault(302, {"Location": f"{stub.url}/v1/thing"}))
    error = refusal(stub, context)
    assert ("redirects to" in str(error), error.exit_code) == (True, PERMANENT)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, PERMANENT), (404, PERMANENT), (408, FAILED), (500, FAILED), (503, FAILED)],
)
def test_refusals_are_classified(
    stub: Thing, context: Context, status: int, exit_code: int
) -> None:
    stub.fail(Fault(status))
    assert refusal(stub, context).exit_code == exit_code


def test_an_answer_that_is_cut_is_worth_a_retry(stub: Thing, context: Context) -> None:
    stub.fail(CUT)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        call(stub, context)
    classified = classify(caught.value)
    assert classified is not None
    assert classified.exit_code == FAILED


@pytest.mark.parametrize("status", [200, 302, 400, 404])
def test_a_secret_url_is_in_no_message(stub: Thing, context: Context, status: int) -> None:
    stub.fail(Fault(status, {"Location": f"{stub.url}/v1/thing"}))
    message = str(refusal(stub, context, secret_url=True))
    assert ("Thing" in message, "/v1" in message) == (True, False)


def test_a_404_names_what_is_missing(stub: Thing, context: Context) -> None:
    stub.fail(Fault(404))
    assert str(refusal(stub, context, missing="thing x")) == "Thing has no thing x"


def test_a_slow_answer_ends_with_the_timeout(stub: Thing, context: Context) -> None:
    stub.fail(Fault(delay=3600))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        call(stub, context, timeout="200ms")
    classified = classify(caught.value)
    assert classified is not None
    assert "did not respond within the timeout" in str(classified)


def test_an_answer_that_drips_ends_with_the_timeout(stub: Thing, context: Context) -> None:
    timed = replace(context, clock=SystemClock())
    stub.fail(Fault(drip=True), Fault(drip=True))
    with pytest.raises(requests.Timeout) as caught:
        call(stub, timed, timeout="500ms")
    assert "did not respond within the timeout" in str(classify(caught.value))
    with pytest.raises(requests.Timeout):
        http_request(HttpRequest(url=stub.url, timeout="500ms"), timed)


def test_headers_that_drip_end_with_the_timeout(context: Context) -> None:
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not stop.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(requests.Timeout):
            http_request(
                HttpRequest(url=url, timeout="500ms"), replace(context, clock=SystemClock())
            )
        stop.set()
        thread.join()


def test_an_answer_without_an_end_is_not_read_whole(stub: Thing, context: Context) -> None:
    stub.fail(Fault(endless=True), Fault(endless=True))
    error = refusal(stub, context)
    assert (str(error), error.exit_code) == (
        "Thing responded with more than 8388608 bytes",
        PERMANENT,
    )
    response = http_request(HttpRequest(url=stub.url), context)
    assert (len(response.body), response.truncated) == (2048, True)


@pytest.mark.parametrize("after", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_rate_limit_that_is_over_waits_a_second(
    stub: Thing, context: Context, after: str
) -> None:
    stub.fail(*[Fault(429, {"Retry-After": after})] * 3)
    assert call(stub, context) == "x"
    assert context.clock.monotonic() == 3


def test_only_an_idempotent_request_is_sent_again_after_a_failure(
    stub: Thing, context: Context
) -> None:
    stub.route("POST", "/v1/thing", stub.show)
    busy = {"Retry-After": "2"}
    stub.fail(Fault(503, busy))
    assert call(stub, context) == "x"
    stub.fail(Fault(503, busy))
    with api("Thing", stub.url, WithTimeout(), context) as thing:
        assert thing.send("POST", "/v1/thing").status_code == 503
        stub.fail(Fault(429, busy))
        thing.send("POST", "/v1/thing")
    assert [each.method for each in stub.requests] == ["GET", "GET", "POST", "POST", "POST"]
