"""pod-logs where the kubelet has removed a container; tests/e2e has real logs."""

from __future__ import annotations

import pytest

from orchestrator.actions.action import Context
from tests.unit.actions.kubernetes.attempts import attempt
from tests.unit.actions.kubernetes.kubeserver import KubeServer


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        (0, "log of web-0\nlast line"),
        (3, "log of web-0\nlast line"),
        (99, "(the kubelet is unable to retrieve container logs for containerd://87c)"),
    ],
)
async def test_the_log_of_a_removed_container_is_read_from_the_next(
    cluster: KubeServer, connected: Context, gone: int, text: str
) -> None:
    metadata = {"creationTimestamp": "2026-01-31T12:00:00Z"}
    containers = [{"name": "web"}]
    await cluster.put("pods", "shop", "web-0", metadata=metadata, spec={"containers": containers})
    cluster.gone["web-0"] = gone
    outputs = await attempt("pod-logs", connected, name="web-0", previous=True)
    assert (outputs.text, outputs.pods) == (text, ["web-0"])
