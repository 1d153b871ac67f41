"""The workflow template user-onboarding runs to its end with real pods, also on a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.environment import Environment
from tests.kube import phases
from tests.planted import planted
from tests.smtpserver import PASSWORD, USER, SmtpServer
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

TOKEN = planted("onboarding")
ACCOUNT = {
    "type": "object",
    "properties": {
        "name": {"const": "Bo Berg"},
        "email": {"const": "bo@example.com"},
        "team": {"const": "payments"},
        "licence": {"enum": ["office", "editor"]},
    },
    "required": ["name", "email", "team"],
    "additionalProperties": False,
}


class Services(Stub):
    """Two services with accounts, and one with licences, each by a bearer token."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str, str]] = []
        self.licences_left = True
        for name in ("mail", "git", "licences"):
            self.route("POST", f"/{name}", self.create)

    def create(self, request: Request) -> Response:
        request.demand_bearer(TOKEN)
        request.json(ACCOUNT)
        if request.path == "/licences" and not self.licences_left:
            raise RefusedError(403, "no licence is left")
        made = request.path, request.headers["idempotency-key"]
        if made in self.made:
            raise RefusedError(409, "it exists")
        self.made.append(made)
        return json_response(201, {})


@pytest.fixture
def services(templates: Environment) -> Iterator[Services]:
    stub = Services()
    stub.host = templates.site.host
    with stub:
        yield stub


@pytest.fixture
def mail(templates: Environment) -> Iterator[SmtpServer]:
    # Not in pytest's folder, which only its owner may enter.
    with (
        TemporaryDirectory() as folder,
        SmtpServer(Path(folder), templates.site.host).running() as server,
    ):
        yield server


def test_a_user_gets_accounts_and_licences_or_those_responsible_an_email(
    templates: Environment, services: Services, mail: SmtpServer
) -> None:
    for name, data in (("onboarding", {"token": TOKEN}), ("smtp", {"password": PASSWORD})):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        templates.kubectl.apply({**secret, "stringData": data})
    templates.make(
        "user-onboarding", accounts=f'["{services.url}/mail", "{services.url}/git"]',
        licencesUrl=f"{services.url}/licences", licences='["office", "editor"]',
        mailServer=mail.host, mailPort=mail.port, mailUser=USER, mailFrom="people@example.com",
        mailAuthority=mail.authority, responsible="it@example.com",
    )  # fmt: skip
    bo = {"name": "Bo Berg", "email": "bo@example.com", "team": "payments"}
    services.licences_left = False
    raw = templates.run("user-onboarding", **bo)
    assert raw["status"]["phase"] == "Failed"
    assert phases(raw)["welcome"] == "Skipped"
    report = mail.received()[-1]
    assert (report["to"], "bo@example.com is not complete" in report["subject"]) == (
        "it@example.com", True,
    )  # fmt: skip
    services.licences_left = True
    raw = templates.run("user-onboarding", **bo)
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert mail.received()[-1]["to"] == "bo@example.com"
    assert sorted(services.made) == [
        ("/git", "bo@example.com"),
        ("/licences", "bo@example.com/editor"),
        ("/licences", "bo@example.com/office"),
        ("/mail", "bo@example.com"),
    ]
