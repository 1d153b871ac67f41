"""Twilio's Messages resource: https://www.twilio.com/docs/messaging/api/message-resource."""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.signed_requests import basic_credentials
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
TOKEN = planted("twilio")
KEY, SECRET = "SK0123456789abcdef0123456789abcdef", planted("twilio api key")
SERVICE = "MG0123456789abcdef0123456789abcdef"
NUMBER = "+15017122661"
FORM = {
    "type": "object",
    "properties": {
        "To": {"type": "string"},
        "From": {"type": "string"},
        "MessagingServiceSid": {"type": "string"},
        "Body": {"type": "string"},
    },
    "additionalProperties": False,
}
CODES = {
    20003: (401, "Authenticate"),
    21211: (400, "Invalid 'To' Phone Number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number is not a valid, message-capable Twilio phone number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21701: (400, "The messaging service does not exist."),
}


class _CodeError(RefusedError):
    def __init__(self, code: int) -> None:
        status, message = CODES[code]
        super().__init__(status, message)
        self.code = code


class Twilio(Stub):
    """An account with one number and one messaging service."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        self.route("POST", path, self.create)

    def error(self, refusal: RefusedError) -> Response:
        code = refusal.code if isinstance(refusal, _CodeError) else 20404
        more = f"https://www.twilio.com/docs/errors/{code}"
        content = {"code": code, "message": refusal.message, "more_info": more}
        return json_response(refusal.status, {**content, "status": refusal.status})

    def create(self, request: Request) -> Response:
        sent = request.headers.get("authorization", "")
        if sent not in (basic_credentials(ACCOUNT, TOKEN), basic_credentials(KEY, SECRET)):
            raise _CodeError(20003)
        form = request.form(FORM)
        self._check(form)
        self.messages.append(form)
        sid = f"SM{len(self.messages):032x}"
        return json_response(201, {"sid": sid, "status": "queued", "error_code": None, **form})

    def _check(self, form: dict[str, Any]) -> None:
        if not form.get("To"):
            raise _CodeError(21604)
        if not form["To"].startswith("+") or not form["To"][1:].isdigit():
            raise _CodeError(21211)
        if not form.get("Body"):
            raise _CodeError(21602)
        if len(form["Body"]) > 1600:
            raise _CodeError(21617)
        if not (form.get("From") or form.get("MessagingServiceSid")):
            raise _CodeError(21603)
        if form.get("From") not in (None, NUMBER):
            raise _CodeError(21606)
        if form.get("MessagingServiceSid") not in (None, SERVICE):
            raise _CodeError(21701)
