"""Each operation of the API's description has one method, which sends what the description says;
those for browsers alone have none."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from orchestrator.client import Client, Pages, ProblemError
from orchestrator.client.resource import Resource
from tests.kube import ROOT
from tests.unit.client.stub_server import StubServer

DESCRIPTION = json.loads((ROOT / "docs" / "openapi.json").read_text())
BROWSERS = "login"
"""The tag of the routes that only browsers use."""
SAMPLES = {"Sequence": ["x"], "bool": True, "int": 1, "Mapping": {"a": 1}, "Literal": "x"}
RESOURCES = ("workflows", "graph", "executions", "triggers", "templates", "actions", "types",
             "figures", "service")  # fmt: skip


def methods() -> Iterator[tuple[str, str]]:
    """The resource and the name of each method."""
    client = Client("http://127.0.0.1")
    for resource in RESOURCES:
        found: Resource = getattr(client, resource)
        for name, _ in inspect.getmembers(found, inspect.isroutine):
            if not name.startswith("_"):
                yield resource, name


class Requests(list[web.BaseRequest]):
    """The requests that a server has refused."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.append(request)
        return web.json_response({"status": 418, "title": "", "detail": ""}, status=418)


async def call(client: Client, resource: str, name: str) -> None:
    """Call a method with a value for each of its parameters."""
    method = getattr(getattr(client, resource), name)
    given = {
        each.name: _sample(str(each.annotation))
        for each in inspect.signature(method).parameters.values()
    }
    with pytest.raises(ProblemError):
        await _done(method(**given))


def _sample(annotation: str) -> Any:
    kinds = (value for kind, value in SAMPLES.items() if kind in annotation)
    return next(kinds, {"a": 1} if annotation[:1].isupper() else "x")


async def _done(called: Any) -> None:
    if isinstance(called, Pages):
        await called.first()
    elif isinstance(called, AsyncIterator):
        async for _ in called:
            pass
    else:
        await called


def operation_of(request: web.BaseRequest) -> tuple[str, str]:
    """The operation of the description that a request is: literal segments before parameters."""
    asked = request.path.split("/")
    fitting = [
        path
        for path, routes in DESCRIPTION["paths"].items()
        if request.method.lower() in routes
        and len(path.split("/")) == len(asked)
        and all(a == b or a.startswith("{") for a, b in zip(path.split("/"), asked, strict=True))
    ]
    return request.method, min(fitting, key=lambda path: path.count("{"))


async def test_each_operation_has_one_method_with_its_parameters_and_its_body() -> None:
    found: Counter[tuple[str, str]] = Counter()
    called, requests = list(methods()), Requests()
    async with StubServer(requests) as server, Client(server.url, retries=0) as client:
        for resource, name in called:
            await call(client, resource, name)
    for (resource, name), request in zip(called, requests, strict=True):
        method, path = operation_of(request)
        found[method, path] += 1
        route = DESCRIPTION["paths"][path][method.lower()]
        named = {(one["in"], one["name"]) for one in route.get("parameters", ())}
        where = f"{resource}.{name}"
        assert set(request.query) == {one for at, one in named if at == "query"}, where
        for header in ("Idempotency-Key", "Last-Event-ID"):
            assert (header in request.headers) == (("header", header) in named), where
        assert request.path.count("/x") >= sum(at == "path" for at, _ in named), where
        _check_body(route, await request.read(), where)
    every = {
        (method.upper(), path): 1
        for path, routes in DESCRIPTION["paths"].items()
        for method, route in routes.items()
        if route["tags"] != [BROWSERS]
    }
    assert found == every


def _check_body(route: dict[str, Any], sent: bytes, where: str) -> None:
    if "requestBody" not in route:
        assert not sent, where
        return
    schema = route["requestBody"]["content"]["application/json"]["schema"]
    options = schema.get("anyOf", [schema])
    name = options[0].get("$ref", "").rpartition("/")[2]
    body = json.loads(sent)
    if name and body != {"a": 1}:
        assert set(body) == set(DESCRIPTION["components"]["schemas"][name]["properties"]), where
