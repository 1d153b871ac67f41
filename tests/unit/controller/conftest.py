"""A behaving API server and a client to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import kubernetes
import pytest

from orchestrator.controller.apiserver.client import ApiClient
from orchestrator.controller.apiserver.credentials import Credentials
from tests.apiserver import ApiServer


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[ApiClient]:
    configuration = kubernetes.client.Configuration()
    configuration.host = await server.start()
    async with ApiClient(Credentials(configuration)) as client:
        yield client
