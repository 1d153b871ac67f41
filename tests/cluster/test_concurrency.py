"""Limits of concurrency on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.twelve_node_workflow import TASK, task
from tests.kube import Kubectl, Operator, ended, eventually, execution, running_operator, workflow


@pytest.fixture(scope="module", autouse=True)
def operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log") as operator:
        yield operator


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    kubectl.apply(TASK)
    return kubectl


def limited(name: str, delay: str = "1s", **concurrency: Any) -> dict[str, Any]:
    return workflow(
        name,
        variables=[{"name": "service", "type": "string", "default": "web"}],
        nodes=[task("work", delay=delay)],
        concurrency=concurrency,
    )


def status(kubectl: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.get("awfx", name).get("status", {})
    return found


def desire(kubectl: Kubectl, name: str, state: str) -> None:
    patch = f'{{"spec":{{"desiredState":"{state}"}}}}'
    kubectl("patch", "awfx", name, "--type=merge", "-p", patch)


def test_runs_queue_and_never_overlap_across_a_kill(shop: Kubectl, operator: Operator) -> None:
    shop.apply(limited("one", limit=1))
    for number in range(4):
        shop.create(execution("one", f"run-{number}"))
    eventually(lambda: any(status(shop, f"run-{n}").get("phase") == "Queued" for n in range(4)))
    operator.kill()
    operator.start()
    ends = [ended(shop, f"run-{number}")["status"] for number in range(4)]
    assert {end["phase"] for end in ends} == {"Succeeded"}
    spans = sorted((end["startedAt"], end["finishedAt"]) for end in ends)
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(3))
    eventually(lambda: _slots(shop) == [])


def _slots(kubectl: Kubectl) -> list[str]:
    names = [raw["metadata"]["name"] for raw in kubectl.get("configmaps")["items"]]
    return [name for name in names if name.startswith("slots-")]


def test_each_key_has_its_own_slots_and_a_group_shares_them(shop: Kubectl) -> None:
    key = {"limit": 1, "key": "vars.service", "group": "deploys"}
    shop.apply(limited("a", "10m", **key), limited("b", "10m", **key))
    shop.create(execution("a", "web-a"))
    eventually(lambda: status(shop, "web-a").get("phase") == "Running")
    shop.create(execution("b", "web-b"))
    shop.create(execution("b", "api-b", variables={"service": "api"}))
    eventually(lambda: status(shop, "api-b").get("phase") == "Running")
    eventually(lambda: status(shop, "web-b").get("phase") == "Queued")
    words = "concurrency limit 1 of group deploys with key web reached"
    assert words in status(shop, "web-b")["message"]
    desire(shop, "web-b", "Cancelled")
    assert ended(shop, "web-b")["status"]["phase"] == "Cancelled"
    for name in ("web-a", "api-b"):
        desire(shop, name, "Terminated")
        ended(shop, name)


def test_forbid_and_replace(shop: Kubectl) -> None:
    shop.apply(
        limited("only", "10m", limit=1, policy="Forbid"),
        limited("newest", "10m", limit=1, policy="Replace"),
    )
    shop.create(execution("only", "first"))
    eventually(lambda: status(shop, "first").get("phase") == "Running")
    shop.create(execution("only", "second"))
    forbidden = ended(shop, "second")["status"]
    assert (forbidden["phase"], forbidden["reason"]) == ("Cancelled", "ConcurrencyForbidden")
    metrics = eventually(lambda: shop.get("awf", "only").get("status", {}).get("metrics"))
    assert (metrics["forbidden"], metrics["total"]) == (1, 1)
    shop.create(execution("newest", "old"))
    eventually(lambda: status(shop, "old").get("phase") == "Running")
    shop.create(execution("newest", "new"))
    replaced = ended(shop, "old")["status"]
    assert (replaced["phase"], replaced["reason"]) == ("Cancelled", "Replaced")
    eventually(lambda: status(shop, "new").get("phase") == "Running")
    for name in ("first", "new"):
        desire(shop, name, "Terminated")
        ended(shop, name)


def test_a_key_that_cannot_be_computed_fails_the_execution(shop: Kubectl) -> None:
    shop.apply(limited("wrong", limit=1, key="vars.service | int"))
    shop.create(execution("wrong", "run"))
    failed = ended(shop, "run")["status"]
    assert (failed["phase"], failed["reason"]) == ("Failed", "ExpressionError")
    assert "spec.concurrency.key" in failed["message"]
