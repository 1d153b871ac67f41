"""Fixtures: the fake API server, and an attempt that is connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from orchestrator.actions.action import Context
from orchestrator.kube.access import Access
from orchestrator.kube.blocking import BlockingClient
from tests.unit.actions.kubernetes.kubeserver import KubeServer


@pytest.fixture
async def cluster() -> AsyncIterator[KubeServer]:
    server = KubeServer()
    yield server
    await server.stop()


@pytest.fixture
async def connected(cluster: KubeServer, context: Context) -> Context:
    client = BlockingClient(Access(await cluster.start()), "tests")
    return replace(context, cluster=lambda: client)
