"""Logs of nodes over HTTP: the same lines as on the command line, complete or as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_process import ApiUser, running_api
from tests.unit.cli.conftest import CliEnvironment
from tests.unit.cli.test_logs import env as with_pods  # noqa: F401


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CliEnvironment]:
    env = CliEnvironment(tmp_path)
    yield env
    env.close()


@pytest.fixture
def user(with_pods: CliEnvironment, tmp_path: Path) -> Iterator[ApiUser]:  # noqa: F811
    with running_api(with_pods.kubeconfig, tmp_path / "api.log") as anyone:
        yield anyone.within("token")


def test_logs_are_those_of_the_command_line_in_each_way_of_reading(
    user: ApiUser,
    with_pods: CliEnvironment,  # noqa: F811
) -> None:
    def lines(query: str = "", node: str = "each") -> list[str]:
        read = user("GET", f"/executions/run/nodes/{node}/logs{query}")
        assert read.status == 200, read.text
        return read.text.splitlines()

    printed = with_pods("logs", "run", "each").lines
    assert lines() == printed
    assert sorted(lines("?follow=true")) == sorted(printed)
    assert lines("?item=1") == ["each[1] | each-1-1 says", "each[1] | end"]
    assert lines("?failed=true&search=SAYS") == ["each[1] | each-1-1 says"]
    assert lines("?failed=true&follow=true&search=says") == ["each[1] | each-1-1 says"]
    assert lines("?attempt=2", "flaky") == ["flaky #2 | flaky-2 says", "flaky #2 | end"]
    stamped = lines("?timestamps=true&item=2")
    assert stamped[0] == "each[2] | 2027-01-15T08:00:09.5Z each-1-2 says"
    lines("?tail=5&since=90s&item=0")
    asked = with_pods.server.queries[-1]
    assert (asked["tailLines"], asked["sinceSeconds"]) == ("5", "90")


def test_a_log_that_the_api_server_refuses_is_a_line(
    user: ApiUser,
    with_pods: CliEnvironment,  # noqa: F811
) -> None:
    with_pods.server.refused_logs.add("odd-1")
    for query in ("", "?follow=true"):
        read = user("GET", f"/executions/run/nodes/odd/logs{query}")
        assert read.text == "odd | (no log: container is waiting to start)\n"
    unknown = user("GET", "/executions/run/nodes/evry/logs")
    assert unknown.status == 404
    since = user("GET", "/executions/run/nodes/each/logs?since=soon")
    assert (since.status, "not a duration" in since.text) == (422, True)
