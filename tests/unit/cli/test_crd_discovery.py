"""`crds --wait`: until the API server serves all kinds."""

from __future__ import annotations

import pytest
from aiohttp import web

from orchestrator.kube.resources import KINDS
from tests.apiserver import ApiServer
from tests.unit.cli.conftest import CliEnvironment, Served

EVERY = [kind.plural for kind in KINDS]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[str] | None]:
    """The kinds that the API server lists, one answer after the other; None is 404. The last one
    stays. (A fixture before `env`, whose server begins with it.)"""
    given: list[list[str] | None] = []

    async def answer(_: ApiServer, request: web.Request) -> web.StreamResponse:
        assert request.path == "/apis/automation.itechsmart.dev/v1alpha1"
        listed = given.pop(0) if len(given) > 1 else given[0]
        if listed is None:
            return web.json_response({"reason": "NotFound", "message": "no"}, status=404)
        return web.json_response({"resources": [{"name": name} for name in listed]})

    monkeypatch.setattr(Served, "answer", answer)
    monkeypatch.setattr("orchestrator.cli.crd_discovery.PAUSE", 0.0)
    return given


def test_it_waits_until_all_kinds_are_served_twice_in_a_row(
    answers: list[list[str] | None], env: CliEnvironment
) -> None:
    answers += [None, EVERY[1:], EVERY, EVERY[1:], EVERY, EVERY]
    done = env("crds", "--wait", "1m")
    assert (done.code, done.lines) == (0, ["all kinds are served"])
    assert len(answers) == 1, "all answers but the last one were needed"


def test_it_gives_up_and_names_what_is_missing(
    answers: list[list[str] | None], env: CliEnvironment
) -> None:
    answers += [EVERY[1:]]
    done = env("crds", "--wait", "0s")
    assert done.code == 2
    assert f"does not serve {EVERY[0]}" in done.err
    assert env("crds", "--wait", "soon").code == 2
