"""TLS of the receiver: certificates that change, and clients with certificates of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector, web

from dev.cluster.credentials import write_credentials
from orchestrator.process.certificate import CertificateFiles
from orchestrator.process.loop import EventLoop
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.request_reader import certificate_names, names_of
from orchestrator.receiver.server import Address, Server, serving


def credentials(folder: Path) -> Path:
    """An authority, a server's certificate and that of a client, `kubelet-client`."""
    write_credentials(folder, ["127.0.0.1"], server="https://unused", inner="")
    return folder


def address(folder: Path, *, client_ca: bool = False) -> Address:
    files = CertificateFiles(folder / "apiserver.crt", folder / "apiserver.key")
    return Address("127.0.0.1", 0, files, folder / "ca.crt" if client_ca else None)


async def names(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=",".join(certificate_names(request.transport)))


async def asked(server: Server, authority: Path, client: Path | None = None) -> str:
    context = ssl.create_default_context(cafile=authority / "ca.crt")
    if client is not None:
        context.load_cert_chain(client / "kubelet-client.crt", client / "kubelet-client.key")
    async with (
        ClientSession(connector=TCPConnector(ssl=context)) as session,
        session.get(f"https://127.0.0.1:{server.port}/") as response,
    ):
        return await response.text()


@pytest.fixture
async def mutual(tmp_path: Path) -> AsyncIterator[tuple[Server, Path]]:
    folder = credentials(tmp_path / "one")
    async with serving(address(folder, client_ca=True), names, Limits()) as server:
        yield server, folder


async def test_the_names_of_a_verified_client_are_known(mutual: tuple[Server, Path]) -> None:
    server, folder = mutual
    assert await asked(server, folder) == ""
    assert await asked(server, folder, folder) == "kube-apiserver"


async def test_a_client_of_another_authority_is_not_connected(
    mutual: tuple[Server, Path], tmp_path: Path
) -> None:
    server, folder = mutual
    other = credentials(tmp_path / "other")
    with pytest.raises(ClientError):
        await asked(server, folder, other)


async def test_a_new_certificate_and_a_new_authority_of_clients_are_used(tmp_path: Path) -> None:
    used, other = credentials(tmp_path / "used"), credentials(tmp_path / "other")
    async with serving(address(used, client_ca=True), names, Limits()) as server:
        port = server.port
        assert await asked(server, used, used) == "kube-apiserver"
        assert not await server.listen()
        before = credentials(tmp_path / "before")
        for file in ("ca.crt", "apiserver.crt", "apiserver.key"):
            (before / file).write_bytes((used / file).read_bytes())
            (used / file).write_bytes((other / file).read_bytes())
        assert await server.listen()
        assert server.port == port
        assert await asked(server, other, other) == "kube-apiserver"
        # Clients of the former authority are trusted no longer.
        with pytest.raises(ClientError):
            await asked(server, other, used)


async def test_files_that_do_not_match_leave_the_certificate_in_use(tmp_path: Path) -> None:
    used, other = credentials(tmp_path / "used"), credentials(tmp_path / "other")
    authority = credentials(tmp_path / "kept")
    (authority / "ca.crt").write_bytes((used / "ca.crt").read_bytes())
    async with serving(address(used), names, Limits()) as server:
        (used / "apiserver.crt").write_bytes((other / "apiserver.crt").read_bytes())
        with pytest.raises(ssl.SSLError):
            await server.listen()
        assert await asked(server, authority) == ""


async def test_an_address_in_use_is_an_error(tmp_path: Path) -> None:
    folder = credentials(tmp_path)
    async with serving(address(folder), names, Limits()) as server:
        taken = Address("127.0.0.1", server.port)
        with pytest.raises(OSError, match="in use"):
            async with serving(taken, names, Limits()):
                pass


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
async def test_without_a_host_it_listens_at_every_address(client: str) -> None:
    async with serving(Address("", 0), names, Limits()) as server:
        reader, writer = await asyncio.open_connection(client, server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


def test_the_loop_of_the_process_follows_certificates_too(tmp_path: Path) -> None:
    """uvloop treats the sockets that it is given in its own way."""
    used, other = credentials(tmp_path / "used"), credentials(tmp_path / "other")

    async def follow() -> None:
        async with serving(address(used), names, Limits()) as server:
            for _ in range(20):
                for file in ("ca.crt", "apiserver.crt", "apiserver.key"):
                    mine, theirs = (folder / file for folder in (used, other))
                    before = mine.read_bytes()
                    mine.write_bytes(theirs.read_bytes())
                    theirs.write_bytes(before)
                assert await server.listen()
                assert await asked(server, used) == ""

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(follow())


async def test_connections_beyond_the_limit_are_closed() -> None:
    async with serving(Address("127.0.0.1", 0), names, Limits(connections=2)) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        for _, each in [*held, (reader, writer)]:
            each.close()


def test_the_names_of_a_certificate_are_those_that_a_trigger_may_accept() -> None:
    certificate = {
        "subject": ((("organizationName", "x"),), (("commonName", "ci"),)),
        "subjectAltName": (
            ("DNS", "ci.example.com"),
            ("URI", "spiffe://prod/ci"),
            ("email", "ci@example.com"),
            ("IP Address", "10.0.0.1"),
            ("DNS", "ci"),
        ),
    }
    expected = ("ci", "ci.example.com", "spiffe://prod/ci", "ci@example.com")
    assert names_of(certificate) == expected
    assert names_of({}) == ()
