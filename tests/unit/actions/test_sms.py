"""sms against a strict stub of Twilio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.notify.sms import Sms
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.stub import Fault
from tests.vendors.twilio import ACCOUNT, KEY, NUMBER, SECRET, SERVICE, TOKEN, Twilio

PROVES = {"strict stub of Twilio": ["sms"]}

TO = "+15558675310"


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with Twilio() as stub:
        yield stub


def given(twilio: Twilio, **more: Any) -> dict[str, Any]:
    own = {"apiUrl": twilio.url, "accountSid": ACCOUNT, "token": TOKEN, "to": TO, "text": "hello"}
    return {**own, **({} if "messagingService" in more else {"from": NUMBER}), **more}


def test_a_message_is_sent(twilio: Twilio, context: Context, log: list[str]) -> None:
    text = "Größe & more\nsecond line"
    outputs = perform("sms", context, **given(twilio, text=text))
    assert outputs == {"sid": f"SM{1:032x}", "status": "queued"}
    assert twilio.messages == [{"To": TO, "From": NUMBER, "Body": text}]
    assert TOKEN not in "".join(log)


def test_an_api_key_and_a_messaging_service_serve_too(twilio: Twilio, context: Context) -> None:
    own = {"apiKey": KEY, "token": SECRET, "messagingService": SERVICE}
    perform("sms", context, **given(twilio, **own))
    assert twilio.messages[0]["MessagingServiceSid"] == SERVICE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "wr0ng-token"}, "401: Authenticate (error 20003)"),
        ({"from": "+15550000000"}, "not a valid, message-capable Twilio phone number"),
        ({"messagingService": "MG" + "0" * 32}, "error 21701"),
    ],
)
def test_what_twilio_refuses_is_permanent(
    twilio: Twilio, context: Context, changes: dict[str, str], words: str
) -> None:
    error = failure("sms", context, **given(twilio, **changes))
    assert (words in str(error), error.exit_code) == (True, PERMANENT), error
    assert "wr0ng" not in str(error)
    assert twilio.messages == []


def test_limits_are_waited_for_and_failures_are_worth_a_retry(
    twilio: Twilio, context: Context, clock: Any
) -> None:
    twilio.fail(Fault(429, {"Retry-After": "2"}))
    perform("sms", context, **given(twilio))
    assert clock.seconds == 2
    twilio.fail(Fault(500))
    assert failure("sms", context, **given(twilio)).exit_code == FAILED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to": "5558675310"}, "to"),
        ({"text": "x" * 1601}, "text"),
        ({"accountSid": "AC1/../x"}, "accountSid"),
        ({"from": ""}, "either from or messagingService"),
        ({"messagingService": SERVICE}, "either from or messagingService"),
    ],
)
def test_wrong_parameters_are_refused(changes: dict[str, str], words: str) -> None:
    own = {"accountSid": ACCOUNT, "token": TOKEN, "to": TO, "text": "x", "from": NUMBER}
    with pytest.raises(ValidationError, match=words):
        Sms.model_validate({**own, **changes})


def test_the_example_runs(twilio: Twilio, context: Context) -> None:
    (parameters,) = example("sms", {"token": TOKEN})
    assert perform("sms", context, **parameters, apiUrl=twilio.url)["status"] == "queued"
