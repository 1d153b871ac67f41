"""Lists of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from orchestrator.kube.access import load
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import UsageError
from tests.unit.cli.conftest import CliEnvironment


def expired() -> web.Response:
    body = {"reason": "Expired", "message": "the continue token is too old", "code": 410}
    return web.json_response(body, status=410)


def test_a_list_in_part_is_read_page_by_page_and_again_if_it_expires(tmp_path: Path) -> None:
    env = CliEnvironment(tmp_path)
    try:
        for number in range(7):
            env.put("WorkflowExecution", f"run-{number}", spec={"workflow": "w"})
        env.server.page_limit = 2
        cluster = Cluster(BlockingTransport(load(str(env.kubeconfig))), "default")
        pages: list[int] = []

        def name(raw: dict[str, Any]) -> dict[str, Any]:
            pages.append(len(env.server.requests))
            return {"name": raw["metadata"]["name"]}

        found = cluster.list_in_part(EXECUTIONS, name)
        assert sorted(each["name"] for each in found) == [f"run-{number}" for number in range(7)]
        assert len(set(pages)) == 4
        env.server.faults += [expired()]
        assert len(cluster.list_in_part(EXECUTIONS, name)) == 7
        env.server.faults += [expired() for _ in range(3)]
        with pytest.raises(UsageError, match="the list of workflowexecutions expired 3 times"):
            cluster.list_in_part(EXECUTIONS, name)
    finally:
        env.close()
