"""silence and unsilence against a real Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dev.ports import free_port
from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.observe.alertmanager import matcher
from tests.alertmanager import Alertmanager, running
from tests.examples import example
from tests.kube import eventually
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.in_process import failure, perform

PROVES = {"Alertmanager": ["silence", "unsilence"]}

UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with running(tmp_path_factory.mktemp("alertmanager")) as started:
        yield started


class Now(VirtualClock):
    """The current time: a silence that ended before now is refused."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def attempt(context: Context, request: pytest.FixtureRequest) -> Context:
    """An attempt of a node of its own."""
    key = f"u1/{request.node.name}/0"
    return replace(context, clock=Now(), identity=replace(context.identity, key=key))


def test_alerts_are_silenced_and_notify_again(
    alertmanager: Alertmanager, attempt: Context, log: list[str]
) -> None:
    alertmanager.alert(alertname="Down", team="shop")
    alertmanager.alert(alertname="Other", team="cart")
    matchers = ['alertname=~"Down|None"', "team!=cart"]
    given = {"url": alertmanager.url, "matchers": matchers, "comment": "deployment"}
    created = perform("silence", attempt, **given)
    assert created["repeated"] is False
    eventually(lambda: alertmanager.states() == {"Down": "suppressed", "Other": "active"})
    stored = alertmanager.get(f"silence/{created['id']}")
    assert stored["createdBy"] == "shop/check (execution run)"
    assert stored["comment"] == f"deployment [{attempt.identity.key}]"
    assert created["endsAt"] == stored["endsAt"]

    again = perform("silence", attempt, **given)
    assert again == {**created, "repeated": True}
    assert "was created by an earlier attempt" in log[-1]

    ended = perform("unsilence", attempt, url=alertmanager.url, id=created["id"])
    assert ended == {"id": created["id"], "repeated": False}
    eventually(lambda: alertmanager.states()["Down"] == "active")
    ended = perform("unsilence", attempt, url=alertmanager.url, id=created["id"])
    assert ended["repeated"] is True
    assert perform("silence", attempt, **given)["id"] != created["id"]


def test_the_examples_run(alertmanager: Alertmanager, attempt: Context) -> None:
    (parameters,) = example("silence", {}, url=alertmanager.url)
    created = perform("silence", attempt, **parameters)
    (parameters,) = example("unsilence", {"silence": created["id"]}, url=alertmanager.url)
    assert perform("unsilence", attempt, **parameters)["id"] == created["id"]


def test_what_alertmanager_refuses_is_permanent(
    alertmanager: Alertmanager, attempt: Context
) -> None:
    error = failure("silence", attempt, url=alertmanager.url, matchers=['a=~"("'])
    assert (error.exit_code, "with 400" in str(error)) == (PERMANENT, True), error
    error = failure("silence", attempt, url=alertmanager.url, matchers=['a=~".*"'])
    assert (error.exit_code, "with 400" in str(error)) == (PERMANENT, True), error
    error = failure("unsilence", attempt, url=alertmanager.url, id=UNKNOWN)
    assert (error.exit_code, "with 404" in str(error)) == (PERMANENT, True), error


def test_an_alertmanager_that_is_down_is_worth_a_retry(attempt: Context) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert failure("silence", attempt, url=url, matchers=["a=b"]).exit_code == FAILED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a="b"', ("a", "b", False, True)),
        ("a = b", ("a", "b", False, True)),
        ('a!="b c"', ("a", "b c", False, False)),
        ('a=~"x|\\"y"', ("a", 'x|"y', True, True)),
        ("_a1!~x.*", ("_a1", "x.*", True, False)),
    ],
)
def test_matchers_are_those_of_alertmanager(text: str, expected: tuple[Any, ...]) -> None:
    assert tuple(matcher(text).values()) == expected


@pytest.mark.parametrize(
    "parameters",
    [{"matchers": []}, {"matchers": ["a"]}, {"matchers": ["a=b c"]}, {"matchers": ["1a=b"]},
     {"matchers": ["a=b"], "duration": "0s"}],
)  # fmt: skip
def test_invalid_parameters_are_refused(context: Context, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        perform("silence", context, url="http://alertmanager", **parameters)
