"""A real API server and Job controller, held against the fakes of the simulation.

tests/simulation/test_same_as_the_real_one.py runs the same suite against those.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import CONFIG_MAPS
from tests.conformance.api import Api, until
from tests.conformance.jobs import Jobs, KubeletStages
from tests.conformance.objects import Objects
from tests.conformance.watches import Watches
from tests.kube import Kubectl


@pytest.fixture
async def api(kubectl: Kubectl) -> AsyncIterator[Api]:
    async with ApiClient.from_environment(str(kubectl.kubeconfig)) as client:
        api = Api(client, kubectl.namespace)
        # A controller creates this one a moment after the namespace: watches must not see it.
        await until(lambda: api.gone(CONFIG_MAPS, "kube-root-ca.crt"), lambda gone: not gone)
        yield api
        await asyncio.sleep(0.1)  # watches that were left are closed in the loop's next turns


class TestObjects(Objects):
    """Of the real one."""


class TestWatches(Watches):
    """Of the real one."""


class TestJobs(Jobs):
    """Of the real one."""


class TestKubeletStages(KubeletStages):
    """Of the real one, with fake nodes that show a kubelet's stages."""
