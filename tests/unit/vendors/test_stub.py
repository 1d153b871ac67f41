"""The base of vendor stubs refuses wrong requests, and fails as it is asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.vendors.stub import CUT, LOST, Fault, Request, Response, Stub, json_response

SCHEMA = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "tags": {"type": "array"}},
    "required": ["size"],
    "additionalProperties": False,
}
FORM = {"type": "object", "properties": {"To": {"pattern": "^[+]"}}, "required": ["To"]}


class Things(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str, Any]] = []
        self.route("POST", "/v1/things/{name}", self.create)
        self.route("POST", "/v1/forms.json", self.submit)

    def create(self, request: Request, name: str) -> Response:
        request.demand_basic("ana", "secret")
        self.made.append((name, request.json(SCHEMA)))
        return json_response(201, {"name": name}, X_Request_Id="1")

    def submit(self, request: Request) -> Response:
        request.demand_bearer("t")
        self.made.append(("form", request.form(FORM)))
        return Response(204)


@pytest.fixture
def things() -> Iterator[Things]:
    with Things() as stub:
        yield stub


def create(
    things: Things, body: Any, name: str = "a", timeout: float = 30, **options: Any
) -> requests.Response:
    options = {"auth": ("ana", "secret"), **options}
    url = f"{things.url}/v1/things/{name}"
    return requests.post(url, json=body, timeout=timeout, **options)


def test_a_complete_request_is_handled_and_remembered(things: Things) -> None:
    response = create(things, {"size": 1}, "a%2Fb", params={"dry": "1"})
    assert (response.status_code, response.json()) == (201, {"name": "a/b"})
    assert response.headers["X-Request-Id"] == "1"
    assert things.made == [("a/b", {"size": 1})]
    (request,) = things.requests
    assert (request.method, request.query) == ("POST", {"dry": ["1"]})


@pytest.mark.parametrize(
    ("body", "options", "status", "words"),
    [
        ({"size": 1}, {"auth": None}, 401, "Authorization is missing"),
        ({"size": 1}, {"auth": ("ana", "no")}, 401, "Authorization is wrong"),
        ({}, {}, 400, "'size' is a required property"),
        ({"size": "1"}, {}, 400, "size: '1' is not of type 'integer'"),
        ({"size": 1, "colour": "red"}, {}, 400, "'colour' was unexpected"),
        (None, {"data": "{"}, 415, "must be application/json"),
        (
            None,
            {"data": "{", "headers": {"Content-Type": "application/json"}},
            400,
            "is not JSON",
        ),
    ],
)
def test_a_wrong_request_is_refused(
    things: Things, body: Any, options: dict[str, Any], status: int, words: str
) -> None:
    response = create(things, body, **options)
    assert response.status_code == status
    assert words in response.json()["error"]
    assert things.made == []


def test_only_routes_are_answered(things: Things) -> None:
    assert requests.get(f"{things.url}/v1/things/a", timeout=30).status_code == 405
    assert requests.post(f"{things.url}/v1/things", timeout=30).status_code == 404
    assert requests.post(f"{things.url}/v1/formsXjson", timeout=30).status_code == 404


@pytest.mark.parametrize(
    ("headers", "fields", "status"),
    [
        ({"Authorization": "Bearer t"}, {"To": "+1"}, 204),
        ({"Authorization": "Bearer u"}, {"To": "+1"}, 401),
        ({"Authorization": "Bearer t"}, {"To": "1"}, 400),
        ({"Authorization": "Bearer t"}, {"From": "+1"}, 400),
    ],
)
def test_forms_are_checked(
    things: Things, headers: dict[str, str], fields: dict[str, str], status: int
) -> None:
    url = f"{things.url}/v1/forms.json"
    assert requests.post(url, data=fields, headers=headers, timeout=30).status_code == status
    assert requests.post(url, json=fields, headers=headers, timeout=30).status_code in (401, 415)
    assert len(things.made) == (status == 204)


def test_faults_happen_in_turn_and_only_some_are_handled(things: Things) -> None:
    things.fail(Fault(429, {"Retry-After": "3"}), Fault(503), LOST, CUT)
    limited = create(things, {"size": 1})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    assert create(things, {"size": 2}).status_code == 503
    for size in (3, 4):
        with pytest.raises(requests.RequestException):
            create(things, {"size": size})
    assert create(things, {"size": 5}).status_code == 201
    assert [thing["size"] for _, thing in things.made] == [3, 4, 5]
    assert len(things.requests) == 5


def test_a_slow_answer_ends_with_the_stub() -> None:
    with Things() as things:
        things.fail(Fault(delay=3600))
        with pytest.raises(requests.Timeout):
            create(things, {"size": 1}, timeout=0.2)
