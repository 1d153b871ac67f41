"""Fixtures: the fake API server and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from orchestrator.kube.access import Access
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from tests.apiserver import ApiServer


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[ApiClient]:
    access = Access(await server.start())
    async with ApiClient(Credentials(access)) as client:
        yield client
