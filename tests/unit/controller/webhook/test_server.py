"""The webhook over HTTPS: what it answers, what it turns away, and its certificate."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from dev.cluster.credentials import write_credentials
from orchestrator.controller.webhook import server as webhook
from orchestrator.controller.webhook.review import Request, ReviewResponse
from orchestrator.controller.webhook.server import MAX_BODY, MAX_REVIEWS, Address, serve, serving
from orchestrator.process.certificate import (
    Certificate,
    CertificateFiles,
    not_after,
)
from tests.admission_reviews import review

JSON = {"Content-Type": "application/json"}
BODY = review("Workflow", "w", {"nodes": []})


def certified(folder: Path) -> CertificateFiles:
    write_credentials(folder, ["127.0.0.1"], server="https://unused", inner="")
    return CertificateFiles(folder / "apiserver.crt", folder / "apiserver.key")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return Address("127.0.0.1", port, certified(tmp_path))


async def allow(_: Request) -> ReviewResponse:
    return ReviewResponse(warnings=("mind the gap",))


async def asked(
    address: Address, body: Any = BODY, headers: dict[str, str] = JSON, path: str = "/review"
) -> tuple[int, Any]:
    """Status and content of the answer, from a client that trusts the authority of the files."""
    authority = address.files.certificate.parent / "ca.crt"
    context = ssl.create_default_context(cafile=str(authority))
    url = f"https://{address.host}:{address.port}{path}"
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(
            url, data=io.BytesIO(body) if isinstance(body, bytes) else body, headers=headers
        ) as answer,
    ):
        json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if json else answer.text())


async def test_a_review_is_answered(address: Address) -> None:
    async with serving(address, allow):
        status, answer = await asked(address)
    assert status == 200
    assert answer["response"] == {"uid": "uid-1", "allowed": True, "warnings": ["mind the gap"]}


@pytest.mark.parametrize(
    ("body", "headers", "path", "status", "said"),
    [
        (BODY, {"Content-Type": "text/plain"}, "/review", 415, "send application/json"),
        (BODY, JSON, "/elsewhere", 404, "Not Found"),
        (b"{}", JSON, "/review", 400, "apiVersion: must be admission.k8s.io/v1"),
        (b" " * (MAX_BODY + 1), JSON, "/review", 413, "Maximum request body size"),
    ],
)
async def test_what_is_no_review_is_turned_away(
    address: Address, body: bytes, headers: dict[str, str], path: str, status: int, said: str
) -> None:
    async with serving(address, allow):
        answer = await asked(address, body, headers, path)
        assert answer[0] == status
        assert said in answer[1]
        assert (await asked(address))[0] == 200


async def test_a_large_review_is_answered(address: Address) -> None:
    text = "x" * (2 * 1024 * 1024)
    async with serving(address, allow):
        status, answer = await asked(address, review("Workflow", "w", {"description": text}))
    assert (status, answer["response"]["allowed"]) == (200, True)


async def test_a_review_that_takes_long_is_allowed_with_a_warning(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "REVIEW_SECONDS", 0.05)
    ended = asyncio.Event()

    async def never(_: Request) -> ReviewResponse:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ReviewResponse("unreachable")

    async with serving(address, never):
        _, answer = await asked(address)
    assert answer["response"]["allowed"] is True
    assert "took more than 0.05 seconds" in answer["response"]["warnings"][0]
    assert ended.is_set()


async def test_a_fault_of_ours_refuses_nothing(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    async def fault(_: Request) -> ReviewResponse:
        raise KeyError("surprise")

    async with serving(address, fault):
        _, answer = await asked(address)
    assert answer["response"]["allowed"] is True
    assert "not checked" in answer["response"]["warnings"][0]
    assert "surprise" in caplog.text


async def test_more_reviews_than_the_limit_are_turned_away(address: Address) -> None:
    waiting = asyncio.Event()

    async def slow(_: Request) -> ReviewResponse:
        await waiting.wait()
        return ReviewResponse()

    async with serving(address, slow):
        held = [asyncio.create_task(asked(address)) for _ in range(MAX_REVIEWS)]
        statuses = []
        while 503 not in statuses:
            try:
                statuses.append((await asyncio.wait_for(asked(address), 0.5))[0])
            except TimeoutError:  # it got a place before the others
                continue
        waiting.set()
        answers = await asyncio.gather(*held)
    assert set(statuses) == {503}
    assert 200 in {status for status, _ in answers}


async def test_a_request_that_does_not_arrive_is_ended(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "READ_SECONDS", 0.05)

    async def never() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    async with serving(address, allow):
        status, said = await asked(address, never())
    assert (status, said) == (408, "the request did not arrive within 0.05 seconds\n")


# The certificate


def shown(address: Address) -> bytes:
    """The certificate that a new connection is shown."""
    found = ssl.get_server_certificate((address.host, address.port), timeout=5)
    return found.encode()


async def test_a_new_certificate_is_used_once_both_files_are_there(
    address: Address, tmp_path: Path
) -> None:
    async with serving(address, allow) as certificate:
        first = await asyncio.to_thread(shown, address)
        assert not certificate.refresh()
        other = certified(tmp_path / "other")
        os.replace(other.certificate, address.files.certificate)
        with pytest.raises(ssl.SSLError):
            certificate.refresh()
        assert await asyncio.to_thread(shown, address) == first
        os.replace(other.key, address.files.key)
        assert certificate.refresh()
        second = await asyncio.to_thread(shown, address)
        assert second != first
        assert second.split() == address.files.certificate.read_bytes().split()


def test_files_that_do_not_belong_together_are_no_certificate(tmp_path: Path) -> None:
    one, other = certified(tmp_path / "one"), certified(tmp_path / "other")
    with pytest.raises(ssl.SSLError):
        Certificate(CertificateFiles(one.certificate, other.key))


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await check():  # noqa: ASYNC110 - a condition of the server's
            await asyncio.sleep(0.02)


async def test_it_is_served_once_its_certificate_is_there(
    address: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(webhook, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(webhook, "CHECK_SECONDS", 0.02)
    caplog.set_level(logging.INFO)
    key = address.files.key.read_bytes()
    address.files.key.unlink()
    task = asyncio.create_task(serve(address, allow))
    try:
        await asyncio.sleep(0.1)
        assert caplog.text.count("the admission webhook is not served: ") == 1
        address.files.key.write_bytes(key)

        async def serves() -> bool:
            try:
                return (await asked(address))[0] == 200
            except aiohttp.ClientConnectorError:
                return False

        await eventually(serves)
        other = certified(tmp_path / "other")
        os.replace(other.certificate, address.files.certificate)
        await asyncio.sleep(0.1)
        os.replace(other.key, address.files.key)

        async def renewed() -> bool:
            return "the admission webhook has a new certificate" in caplog.text

        await eventually(renewed)
        assert caplog.text.count("certificate is kept") == 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_address_in_use_is_logged_and_nothing_ends(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as other:
        other.bind((address.host, address.port))
        other.listen()
        task = asyncio.create_task(serve(address, allow))
        await asyncio.sleep(0.2)
        assert not task.done()
        assert "the admission webhook is not served: " in caplog.text
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("year", [2027, 2049, 2050, 2120])
def test_the_certificate_says_when_it_expires(kind: str, year: int) -> None:
    """From 2050 on a certificate writes years with four digits (RFC 5280, 4.1.2.5)."""
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ec"
        else rsa.generate_private_key(65537, 2048)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    ends = datetime(year, 3, 4, 5, 6, 7, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    assert not_after(f"a comment\n{pem}{pem}") == ends.timestamp()


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_says_nothing_of_its_end(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        not_after(text)


def test_a_new_certificate_has_its_own_end(tmp_path: Path) -> None:
    certificate = Certificate(certified(tmp_path))
    assert certificate.expires_at is not None
    assert certificate.expires_at > datetime.now(UTC).timestamp()
