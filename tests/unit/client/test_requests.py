"""What the client sends again, what it never does, and what its errors say."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from orchestrator.client import Client, NoAnswerError, ProblemError, token_of_file
from orchestrator.client.transport import Settings
from tests.unit.client.stub_server import StubServer

Make = Callable[[], web.StreamResponse | None]
OBJECT = {"metadata": {"name": "w", "uid": "u", "resourceVersion": "7"}, "spec": {"nodes": []}}


def stored() -> web.StreamResponse:
    return web.json_response(OBJECT, headers={"ETag": '"7"'}, status=201)


def refused(status: int, **headers: str) -> Make:
    body = {"type": "about:blank", "title": "Title", "status": status, "detail": f"it is {status}"}

    def make() -> web.StreamResponse:
        media_type = "application/problem+json"
        return web.json_response(body, status=status, headers=headers, content_type=media_type)

    return make


def lost() -> None:
    """The connection ends without an answer."""


class Script:
    """Answers one after the other, and the requests that came."""

    def __init__(self, *answers: Make) -> None:
        self._answers = list(answers)
        self.seen: list[web.BaseRequest] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.seen.append(request)
        answer = self._answers.pop(0)()
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer


def client_of(server: StubServer, **options: Any) -> Client:
    client = Client(server.url, token="t", **options)
    settings = client._transport.settings
    client._transport.settings = Settings(
        **{name: getattr(settings, name) for name in settings.__slots__} | {"backoff": 0.001}
    )
    return client


@pytest.mark.parametrize("failure", [lost, refused(503), refused(502), refused(429)])
async def test_a_creation_is_repeated_with_the_same_key(failure: Make) -> None:
    script = Script(failure, failure, stored)
    async with StubServer(script) as server, client_of(server) as client:
        made = await client.workflows.execute("w", variables={"a": 1})
    assert (made.etag, made.created, made.value["metadata"]["name"]) == ('"7"', True, "w")
    keys = {one.headers["Idempotency-Key"] for one in script.seen}
    assert len(script.seen) == 3
    assert len(keys) == 1
    assert {await one.text() for one in script.seen} == {'{"variables": {"a": 1}}'}


async def test_two_creations_have_keys_of_their_own_unless_one_is_given() -> None:
    script = Script(stored, stored, stored)
    async with StubServer(script) as server, client_of(server) as client:
        await client.workflows.execute("w")
        await client.workflows.execute("w")
        await client.workflows.execute("w", idempotency_key="mine")
    first, second, third = (one.headers["Idempotency-Key"] for one in script.seen)
    assert first != second
    assert third == "mine"


async def test_what_may_have_been_carried_out_is_not_repeated() -> None:
    script = Script(lost, refused(503), lost)
    async with StubServer(script) as server, client_of(server) as client:
        with pytest.raises(NoAnswerError, match=r"the API at http://127.* does not answer"):
            await client.executions.decide("e", decision="Approve")
        with pytest.raises(ProblemError, match="it is 503"):
            await client.workflows.patch("w", {"spec": {}})
        with pytest.raises(NoAnswerError):
            await client.workflows.delete("w", if_match='"7"')
    assert [one.method for one in script.seen] == ["POST", "PATCH", "DELETE"]
    assert script.seen[2].headers["If-Match"] == '"7"'


async def test_what_the_limit_refused_was_not_carried_out_and_is_repeated() -> None:
    script = Script(refused(429, **{"Retry-After": "0"}), stored)
    async with StubServer(script) as server, client_of(server) as client:
        await client.workflows.patch("w", {"spec": {}})
    assert len(script.seen) == 2


async def test_a_long_wait_and_too_many_failures_are_reported() -> None:
    script = Script(refused(429, **{"Retry-After": "3600"}), lost, lost, lost)
    async with StubServer(script) as server, client_of(server, retries=2) as client:
        with pytest.raises(ProblemError) as long:
            await client.workflows.get("w")
        assert long.value.retry_after == 3600
        with pytest.raises(NoAnswerError):
            await client.workflows.get("w")
    assert len(script.seen) == 4


async def test_a_problem_has_its_status_its_title_and_the_paths_of_its_fields() -> None:
    body = {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "the manifest is invalid",
        "errors": [{"path": "spec.nodes[0].delay", "message": "is not a duration"}],
    }

    def invalid() -> web.StreamResponse:
        media_type = "application/problem+json"
        return web.json_response(body, status=422, content_type=media_type)

    def page() -> web.StreamResponse:
        return web.Response(text="<h1>Bad Gateway</h1>", status=502, content_type="text/html")

    def not_json() -> web.StreamResponse:
        return web.Response(text="hello")

    def moved() -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://elsewhere.example"})

    script = Script(invalid, page, not_json, moved)
    async with StubServer(script) as server, client_of(server, retries=0) as client:
        with pytest.raises(ProblemError) as refusal:
            await client.workflows.validate("w")
        problem = refusal.value
        assert (problem.status, problem.title) == (422, "Unprocessable Entity")
        assert [(one.path, one.message) for one in problem.problems] == [
            ("spec.nodes[0].delay", "is not a duration")
        ]
        assert str(problem) == ("the manifest is invalid\n  spec.nodes[0].delay: is not a duration")
        with pytest.raises(ProblemError, match="Bad Gateway") as proxy:
            await client.workflows.get("w")
        assert (proxy.value.status, proxy.value.title) == (502, "Bad Gateway")
        with pytest.raises(NoAnswerError, match="not as the API does"):
            await client.workflows.get("w")
        with pytest.raises(ProblemError, match="Found"):  # a token goes to no other server
            await client.workflows.get("w")


async def test_the_token_is_asked_for_with_each_request(tmp_path: Path) -> None:
    script = Script(stored, stored, stored)
    file = tmp_path / "token"
    file.write_text("one\n")

    async def later() -> str:
        return "three"

    async with StubServer(script) as server:
        async with Client(server.url, token=token_of_file(file)) as client:
            await client.workflows.get("w")
            file.write_text("two\n")
            await client.workflows.get("w")
        async with Client(server.url, token=later) as client:
            await client.workflows.get("w")
    tokens = [one.headers["Authorization"] for one in script.seen]
    assert tokens == ["Bearer one", "Bearer two", "Bearer three"]


async def test_a_list_is_read_page_by_page() -> None:
    def page(names: list[str], after: str | None) -> Make:
        items = [{**OBJECT, "metadata": {"name": name}} for name in names]
        body = {"items": items, "total": 3} | ({"next": after} if after else {})
        return lambda: web.json_response(body | {"notListed": ["b"]})

    script = Script(page(["x", "y"], "p2"), page(["z"], None), page(["x"], "p2"))
    async with StubServer(script) as server, client_of(server) as client:
        found = client.workflows.list(namespace=["a", "b"], state="Draft", limit=2)
        assert [one["metadata"]["name"] async for one in found] == ["x", "y", "z"]
        first = await client.workflows.list(namespace="a").first()
        assert (first.total, first.next, first.not_listed) == (3, "p2", ["b"])
    queries = [list(one.query.items()) for one in script.seen]
    asked = [("namespace", "a"), ("namespace", "b"), ("state", "Draft"), ("limit", "2")]
    assert queries == [asked, [*asked, ("page", "p2")], [("namespace", "a")]]


async def test_names_of_others_stay_one_segment_of_the_path() -> None:
    script = Script(stored, stored)
    async with StubServer(script) as server, client_of(server, namespace="shop") as client:
        await client.executions.get("../workflows/w?x#y")
        await client.executions.get("a:b", namespace="other")
    first, second = script.seen
    assert first.raw_path == "/automation/executions/..%2Fworkflows%2Fw%3Fx%23y?namespace=shop"
    assert second.raw_path == "/automation/executions/a:b?namespace=other"


async def test_a_server_with_another_authority_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a URL like https://HOST"):
        Client("automation.example.com")
    with pytest.raises((OSError, ssl.SSLError)):
        async with Client("https://127.0.0.1", ca_file=str(tmp_path / "missing")):
            pass


def test_the_client_is_imported_without_the_operators_dependencies() -> None:
    code = (
        "import sys, orchestrator.client; print(sorted({name.partition('.')[0] for name in "
        "sys.modules} & {'kopf', 'kubernetes', 'fastapi', 'pydantic', 'sqlalchemy', 'jinja2'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]\n"
