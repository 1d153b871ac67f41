"""exec over the protocol of the API server: streams, exit codes, bounds, unknown ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.encoding import encode
from orchestrator.actions.main import SystemClock
from tests.unit.actions.kubernetes.attempts import attempt, refused
from tests.unit.actions.kubernetes.kubeserver import Answered, KubeServer


@pytest.fixture
async def pod(cluster: KubeServer) -> KubeServer:
    """The pod web, with the containers main and side."""
    await make_pod(cluster, "web")
    return cluster


async def make_pod(cluster: KubeServer, name: str, ready: str = "True", **metadata: Any) -> None:
    await cluster.put(
        "pods", "shop", name,
        metadata={"labels": {"app": "web"}, **metadata},
        spec={"containers": [{"name": "main"}, {"name": "side"}]},
        status={"conditions": [{"type": "Ready", "status": ready}]},
    )  # fmt: skip


async def test_output_is_reported_and_logged(
    pod: KubeServer, connected: Context, log: list[str]
) -> None:
    pod.run = lambda _started: Answered("grün\nzwei".encode(), b"careful\n")
    done = await attempt("exec", connected, name="web", command=["ls", "-l", "a b; $(id)"])
    assert (done.pod, done.exit_code) == ("web", 0)
    assert (done.stdout, done.stderr, done.truncated) == ("grün\nzwei", "careful\n", False)
    assert log == ["running ls in shop/web/main", "grün", "careful", "zwei"]
    (started,) = pod.commands
    assert (started.container, started.words) == ("main", ["ls", "-l", "a b; $(id)"])


async def test_standard_input_arrives_and_ends(pod: KubeServer, connected: Context) -> None:
    text = "x" * 200_000
    pod.run = lambda started: Answered(str(len(started.stdin)).encode())
    done = await attempt("exec", connected, name="web", command=["wc", "-c"], stdin=text)
    assert done.stdout == "200000"


async def test_the_exit_code_and_the_last_line_are_the_failure(
    pod: KubeServer, connected: Context
) -> None:
    pod.run = lambda _started: Answered(stderr=b"trying\nno disk\n", code=7)
    error = await refused("exec", connected, name="web", container="side", command=["x"])
    expected = "the command in shop/web/side exited with 7: no disk"
    assert (error.exit_code, str(error)) == (FAILED, expected)


async def test_a_command_that_is_not_started_says_why(pod: KubeServer, connected: Context) -> None:
    status = {"status": "Failure", "code": 400, "reason": "BadRequest", "message": "no such file"}
    pod.run = lambda _started: Answered(status=status)
    error = await refused("exec", connected, name="web", command=["x"])
    assert (error.exit_code, str(error)) == (PERMANENT, "no such file")
    missing = await refused("exec", connected, name="none", command=["x"])
    assert (missing.exit_code, "not found" in str(missing)) == (PERMANENT, True)


@pytest.mark.parametrize(("repeatable", "code"), [(False, PERMANENT), (True, FAILED)])
async def test_an_unknown_end_is_retried_only_if_the_command_may_run_twice(
    pod: KubeServer, connected: Context, repeatable: bool, code: int
) -> None:
    pod.run = lambda _started: Answered(b"half", ends=False)
    asked: dict[str, Any] = {"name": "web", "command": ["x"], "repeatable": repeatable}
    lost = await refused("exec", connected, **asked)
    assert (lost.exit_code, "the end of the command is unknown" in str(lost)) == (code, True)
    pod.run = lambda _started: Answered(hangs=True)
    late = await refused("exec", replace(connected, clock=SystemClock()), **asked, timeout="2s")
    assert (late.exit_code, "has not ended after 2s" in str(late)) == (code, True)


async def test_long_output_is_bounded_and_its_end_is_kept(
    pod: KubeServer, connected: Context, log: list[str]
) -> None:
    pod.run = lambda _started: Answered(b"a line of text\n" * 200_000 + b"end")
    done = await attempt("exec", connected, name="web", command=["yes"])
    assert done.truncated
    assert len(done.stdout) == 64 * 1024
    assert len(encode(done)) <= 4096
    assert b"end" in encode(done)
    assert sum(map(len, log)) < 1_100_000
    assert "(the rest of the output is left out)" in log


async def test_the_first_ready_pod_of_a_selector_is_taken(
    cluster: KubeServer, connected: Context
) -> None:
    await make_pod(cluster, "a", ready="False")
    none = await refused("exec", connected, selector="app=web", command=["x"])
    assert (none.exit_code, "no ready pod of app=web" in str(none)) == (FAILED, True)
    await make_pod(cluster, "c")
    annotations = {"kubectl.kubernetes.io/default-container": "side"}
    await make_pod(cluster, "b", annotations=annotations)
    await attempt("exec", connected, selector="app=web", command=["x"])
    assert [(each.pod, each.container) for each in cluster.commands] == [("b", "side")]
