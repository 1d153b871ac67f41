"""pagerduty-event and opsgenie-alert against strict stubs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.registry import load
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.opsgenie import KEY, Opsgenie
from tests.vendors.pagerduty import ROUTING_KEY, PagerDuty
from tests.vendors.stub import LOST, Fault

PROVES = {
    "strict stub of PagerDuty": ["pagerduty-event"],
    "strict stub of Opsgenie": ["opsgenie-alert"],
}


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    with PagerDuty() as stub:
        yield stub


@pytest.fixture
def opsgenie() -> Iterator[Opsgenie]:
    with Opsgenie() as stub:
        yield stub


def event(stub: PagerDuty, **more: Any) -> dict[str, Any]:
    return {"routingKey": ROUTING_KEY, "apiUrl": stub.url, **more}


def alert(stub: Opsgenie, **more: Any) -> dict[str, Any]:
    return {"apiKey": KEY, "apiUrl": stub.url, **more}


def test_an_alert_of_pagerduty_from_trigger_to_resolve(
    pagerduty: PagerDuty, context: Context, log: list[str]
) -> None:
    trigger = event(
        pagerduty, summary="shop is down", severity="critical", component="web", group="shop",
        details={"pods": 3}, links=[{"href": "https://x.example.com", "text": "x"}],
        **{"class": "http"},
    )  # fmt: skip
    key = perform("pagerduty-event", context, **trigger)["dedupKey"]
    assert perform("pagerduty-event", context, **trigger) == {"dedupKey": key}, "a retry"
    for action in ("acknowledge", "resolve"):
        perform("pagerduty-event", context, **event(pagerduty, action=action, dedupKey=key))
    first, again, *others = pagerduty.events
    assert first == again
    assert first["payload"] == {
        "summary": "shop is down",
        "source": "shop/check/run/probe",
        "severity": "critical",
        "component": "web",
        "group": "shop",
        "class": "http",
        "custom_details": {"pods": 3},
    }
    assert [each["event_action"] for each in others] == ["acknowledge", "resolve"]
    assert {each["dedup_key"] for each in pagerduty.events} == {key}
    assert ROUTING_KEY not in "".join(log)


def test_an_alert_of_opsgenie_from_creation_to_close(
    opsgenie: Opsgenie, context: Context, log: list[str]
) -> None:
    create = alert(
        opsgenie, message="shop is down", priority="P1", description="503", tags=["shop"],
        responders=[{"type": "team", "name": "sre"}], details={"pods": "3"}, note="first",
    )  # fmt: skip
    alias = perform("opsgenie-alert", context, **create)["alias"]
    assert perform("opsgenie-alert", context, **create)["alias"] == alias
    (known,) = opsgenie.alerts.values()
    assert (known["count"], known["source"]) == (2, "shop/check/run/probe")
    for action, status in (("acknowledge", "acknowledged"), ("close", "closed")):
        outputs = perform("opsgenie-alert", context, **alert(opsgenie, action=action, alias=alias))
        assert outputs == {"alias": alias, "requestId": "r-1"}
        assert opsgenie.alerts[alias]["status"] == status
    assert KEY not in "".join(log)
    perform("opsgenie-alert", context, **alert(opsgenie, message="x", alias="a/b c"))
    perform("opsgenie-alert", context, **alert(opsgenie, action="close", alias="a/b c"))
    assert opsgenie.alerts["a/b c"]["status"] == "closed"


def test_refusals_are_permanent_and_name_no_key(
    pagerduty: PagerDuty, opsgenie: Opsgenie, context: Context
) -> None:
    wrong = "0" * 32
    error = failure("pagerduty-event", context, **event(pagerduty, summary="x", routingKey=wrong))
    assert (error.exit_code, "400: " in str(error)) == (PERMANENT, True)
    error = failure("opsgenie-alert", context, **alert(opsgenie, message="x", apiKey="wr0ng-key"))
    assert (error.exit_code, "401: Authorization is wrong" in str(error)) == (PERMANENT, True)
    responders = [{"type": "group", "name": "sre"}]
    error = failure(
        "opsgenie-alert", context, **alert(opsgenie, message="x", responders=responders)
    )
    assert ("422: responders.0.type" in str(error), error.exit_code) == (True, PERMANENT)


def test_limits_are_waited_for_and_failures_are_worth_a_retry(
    pagerduty: PagerDuty, opsgenie: Opsgenie, context: Context, clock: Any
) -> None:
    cases: list[tuple[str, Any, dict[str, Any]]] = [
        ("pagerduty-event", pagerduty, event(pagerduty, summary="x")),
        ("opsgenie-alert", opsgenie, alert(opsgenie, message="x")),
    ]
    for number, (action, stub, parameters) in enumerate(cases, 1):
        stub.fail(Fault(429, {"Retry-After": "2"}), Fault(), Fault(500), LOST)
        perform(action, context, **parameters)
        assert clock.seconds == 2 * number
        errors = [failure(action, context, **parameters) for _ in range(2)]
        assert [error.exit_code for error in errors] == [FAILED, FAILED]


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("pagerduty-event", {}, "trigger needs a summary"),
        ("pagerduty-event", {"action": "resolve"}, "resolve needs the dedupKey"),
        ("pagerduty-event", {"summary": "x", "severity": "High"}, "severity"),
        ("opsgenie-alert", {}, "create needs a message"),
        ("opsgenie-alert", {"action": "close"}, "close needs the alias"),
        ("opsgenie-alert", {"message": "x" * 131}, "message"),
    ],
)
def test_wrong_parameters_are_refused(action: str, parameters: dict[str, Any], words: str) -> None:
    key = "routingKey" if action == "pagerduty-event" else "apiKey"
    with pytest.raises(ValidationError, match=words):
        load(action).parameters.model_validate({key: "k", **parameters})


def test_the_examples_run(pagerduty: PagerDuty, opsgenie: Opsgenie, context: Context) -> None:
    page, resolve = example("pagerduty-event", {"key": ROUTING_KEY})
    own = {"apiUrl": pagerduty.url}
    key = perform("pagerduty-event", context, **page, **own)
    perform("pagerduty-event", context, **{**resolve, **key, **own})
    assert [each["event_action"] for each in pagerduty.events] == ["trigger", "resolve"]
    page, close = example("opsgenie-alert", {"key": KEY})
    own = {"apiUrl": opsgenie.url}
    alias = perform("opsgenie-alert", context, **page, **own)["alias"]
    perform("opsgenie-alert", context, **{**close, "alias": alias, **own})
    assert opsgenie.alerts[alias]["status"] == "closed"
