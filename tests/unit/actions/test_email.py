"""email through a real mail server, with STARTTLS, TLS and login."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.notify.email import Email
from tests.examples import example
from tests.kube import eventually
from tests.smtpserver import PASSWORD, USER, SmtpServer
from tests.unit.actions.in_process import failure, perform

PROVES = {"Exim with STARTTLS and login": ["email"]}

FROM, TO = "Ops <ops@example.com>", ["ana@example.com"]
MINIMAL = {"host": "mail", "from": FROM, "to": TO, "subject": "x", "text": "y"}


@pytest.fixture(scope="module")
def running() -> Iterator[SmtpServer]:
    # Not a folder of pytest: the server is another user, who could not enter it.
    with TemporaryDirectory() as folder, SmtpServer(Path(folder)).running() as server:
        yield server


@pytest.fixture
def mail(running: SmtpServer) -> SmtpServer:
    return running


@pytest.fixture
def context(context: Context, request: pytest.FixtureRequest) -> Context:
    """Of an attempt whose messages no other test sends: the server delivers them later."""
    identity = replace(context.identity, key=request.node.name)
    return replace(context, identity=identity)


def given(mail: SmtpServer, **more: Any) -> dict[str, Any]:
    server = {
        "host": "localhost",
        "port": mail.port,
        "username": USER,
        "password": PASSWORD,
        "caCertificate": mail.authority,
    }
    return {**MINIMAL, **server, **more}


def delivered(mail: SmtpServer, outputs: dict[str, Any]) -> EmailMessage:
    """The sent message, once it is delivered."""

    def found() -> list[EmailMessage]:
        return [each for each in mail.received() if each["Message-ID"] == outputs["messageId"]]

    (message,) = eventually(found)
    return message  # type: ignore[no-any-return]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_message_reaches_every_recipient(
    mail: SmtpServer, context: Context, log: list[str], security: str
) -> None:
    port = mail.port if security == "starttls" else mail.tls_port
    outputs = perform(
        "email", context, **given(
            mail, security=security, port=port, to=["Doe, Jane <jane@example.com>", *TO],
            cc=['"Überall" <bo@example.com>'], bcc=["secret@example.com"], replyTo="r@example.com",
            subject="Größe: 1 & more", text="Grüße\n.\nEnd\n" + "x" * 2000, html="<b>Grüße</b>",
        ),
    )  # fmt: skip
    assert outputs["recipients"] == 4
    message = delivered(mail, outputs)
    recipients = {"jane@example.com", "ana@example.com", "bo@example.com", "secret@example.com"}
    assert {each.strip() for each in message["Envelope-to"].split(",")} == recipients
    assert message["Return-path"] == "<ops@example.com>"
    assert [each.display_name for each in message["To"].addresses] == ["Doe, Jane", ""]
    assert message["Cc"].addresses[0].display_name == "Überall"
    assert (message["Subject"], message["Reply-To"]) == ("Größe: 1 & more", "r@example.com")
    assert message["Message-ID"] == outputs["messageId"]
    assert (message["Auto-Submitted"], message["Bcc"]) == ("auto-generated", None)
    assert body(message, "plain").startswith("Grüße\n.\nEnd\nxxx")
    assert body(message, "html").strip() == "<b>Grüße</b>"
    assert PASSWORD not in "".join(log)


def test_every_attempt_has_the_same_message_id(mail: SmtpServer, context: Context) -> None:
    first, second = (perform("email", context, **given(mail)) for _ in range(2))
    identity = replace(context.identity, key="u1/probe/1")
    third = perform("email", replace(context, identity=identity), **given(mail))
    assert first["messageId"] == second["messageId"] != third["messageId"]
    assert first["messageId"].endswith("@example.com>")


def test_files_of_the_workspace_are_attached(
    mail: SmtpServer, context: Context, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "out").mkdir(parents=True)
    (workspace / "out" / "graph.png").write_bytes(b"\x89PNG\r\n\x00.\r\n")
    inside = replace(context, environ={"WORKSPACE": str(workspace)})
    outputs = perform("email", inside, **given(mail, attachments=["out/graph.png"]))
    (attachment,) = delivered(mail, outputs).iter_attachments()
    assert attachment.get_filename() == "graph.png"
    assert attachment.get_content() == b"\x89PNG\r\n\x00.\r\n"


def test_attachments_are_files_of_the_workspace_only(
    mail: SmtpServer, context: Context, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tmp_path / "secret").write_text("s")
    (workspace / "link").symlink_to(tmp_path / "secret")
    (workspace / "large").write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    inside = replace(context, environ={"WORKSPACE": str(workspace)})
    for name in ("../secret", str(tmp_path / "secret"), "link", "missing", "."):
        error = failure("email", inside, **given(mail, attachments=[name]))
        assert (error.exit_code, str(error)) == (
            PERMANENT, f"attachments.0: the workspace has no file {name}",
        )  # fmt: skip
    assert "more than" in str(failure("email", inside, **given(mail, attachments=["large"])))
    assert "spec.workspace" in str(failure("email", context, **given(mail, attachments=["x"])))


@pytest.mark.parametrize(
    ("changes", "exit_code", "words"),
    [
        ({"to": ["ana@example.com", "nobody@example.com"]}, PERMANENT, "nobody@example.com: 550"),
        ({"cc": ["later@example.com"]}, FAILED, "later@example.com: 451 greylisted"),
        ({"subject": "spam"}, PERMANENT, "refused the message: 550 this is spam"),
        ({"text": "x\n" * 100_000}, PERMANENT, "552"),
        ({"from": "eve@forged.example.com"}, PERMANENT, "refused the sender"),
        ({"username": "", "password": None}, PERMANENT, "530 5.7.0 Authentication required"),
        ({"password": "wrong horse"}, PERMANENT, "535"),
        ({"password": "größe"}, PERMANENT, "must be ASCII"),
        ({"caCertificate": ""}, PERMANENT, "TLS with localhost"),
        ({"caCertificate": "nonsense"}, PERMANENT, "no certificate in PEM"),
        ({"host": "no-such-host.invalid"}, FAILED, "cannot reach no-such-host.invalid"),
    ],
)
def test_what_is_refused_is_sent_to_none(
    mail: SmtpServer, context: Context, changes: dict[str, Any], exit_code: int, words: str
) -> None:
    parameters = {
        name: value for name, value in given(mail, **changes).items() if value is not None
    }
    error = failure("email", context, **parameters)
    assert (words in str(error), error.exit_code) == (True, exit_code), error
    assert "horse" not in str(error)
    marker = perform("email", context, **given(mail))  # delivered after what came before
    delivered(mail, marker)


def test_a_server_without_tls_gets_no_password(mail: SmtpServer, context: Context) -> None:
    error = failure("email", context, **given(mail, port=mail.plain_port))
    assert ("STARTTLS" in str(error), error.exit_code) == (True, PERMANENT)
    plain = {**MINIMAL, "host": "127.0.0.1", "port": mail.plain_port, "security": "none"}
    assert delivered(mail, perform("email", context, **plain))["Subject"] == "x"


def test_a_server_that_does_not_answer_is_worth_a_retry(mail: SmtpServer, context: Context) -> None:
    # A client that waits for a greeting on a port that expects TLS gets none.
    waiting = given(mail, port=mail.tls_port, timeout="500ms")
    error = failure("email", context, **waiting)
    assert ("did not respond" in str(error), error.exit_code) == (True, FAILED)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": "x\nBcc: eve@example.com"}, "subject"),
        ({"to": ["ana@example.com\r\nBcc: eve@example.com"]}, "to.0"),
        ({"from": "Ops\n <ops@example.com>"}, "from"),
        ({"replyTo": "r@example.com\n"}, "replyTo"),
        ({"to": ["ana"]}, "'ana' is not an address"),
        ({"to": ["ana@example.com, bo@example.com"]}, "is not an address"),
        ({"to": ["ana@example.com> SIZE=1 <x@example.com"]}, "is not an address"),
        ({"to": []}, "to"),
        ({"to": [f"u{n}@example.com" for n in range(60)],
          "cc": [f"v{n}@example.com" for n in range(60)]}, "at most 100 recipients"),
        ({"text": ""}, "give text, html or both"),
        ({"username": "u"}, "username and password together"),
        ({"username": "u", "password": "p", "security": "none"}, "would not be encrypted"),
        ({"host": "mail example"}, "host"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Email.model_validate({**MINIMAL, **changes})


def test_the_example_runs(mail: SmtpServer, context: Context) -> None:
    (parameters,) = example("email", {"password": PASSWORD}, host="localhost")
    parameters |= {"port": mail.port, "caCertificate": mail.authority}
    outputs = perform("email", context, **parameters)
    assert outputs["recipients"] == 2
    assert delivered(mail, outputs)["From"] == "Automation <automation@example.com>"
