"""Triggers on a real API server: slots across kills, chains of executions, filters and limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube import (
    ROOT,
    Kubectl,
    Operator,
    ended,
    eventually,
    execution,
    running_operator,
    trigger,
    workflow,
)

EXAMPLES = ROOT / "manifests" / "examples"
ONE = {"limit": 1, "period": "1h"}
QUICK = [{"name": "only", "transform": {"x": "1"}}]


@pytest.fixture(scope="module", autouse=True)
def operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log") as operator:
        yield operator


def runs(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    return [raw for raw in kubectl.get("awfx")["items"] if raw["spec"]["workflow"] == name]


def status(kubectl: Kubectl, trigger: str) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.get("awft", trigger).get("status", {})
    return found


def test_a_schedule_starts_each_slot_once_across_a_kill(
    kubectl: Kubectl, operator: Operator
) -> None:
    kubectl.apply(
        workflow("nightly", nodes=QUICK, variables=[{"name": "at", "type": "string"}]),
        trigger(
            "minutely",
            "nightly",
            schedule={"cron": "* * * * *"},
            variables={"at": "$[[ event.scheduledAt ]]"},
        ),
    )
    shown = eventually(lambda: status(kubectl, "minutely").get("nextFire"))
    assert shown in kubectl("get", "awft", "minutely")  # kubectl prints a future date as <invalid>
    eventually(lambda: runs(kubectl, "nightly"), 75)
    operator.kill()
    operator.start()
    eventually(lambda: len(runs(kubectl, "nightly")) >= 2, 90)
    slots = Counter(
        raw["spec"]["trigger"]["event"]["scheduledAt"] for raw in runs(kubectl, "nightly")
    )
    assert set(slots.values()) == {1}
    first = runs(kubectl, "nightly")[0]
    assert first["spec"]["trigger"]["type"] == "schedule"
    assert first["spec"]["variables"]["at"] in slots
    eventually(lambda: status(kubectl, "minutely")["counts"]["started"] >= 1)
    kubectl("delete", "awft", "minutely")


def test_the_end_of_an_execution_starts_another_and_a_loop_is_cut(kubectl: Kubectl) -> None:
    kubectl.apply(
        workflow("deploy", nodes=QUICK),
        workflow("tell", nodes=QUICK, variables=[{"name": "what", "type": "string"}]),
        workflow("loop", nodes=QUICK),
        trigger(
            "told",
            "tell",
            execution={"workflow": "deploy", "phases": ["Succeeded", "Failed"]},
            variables={"what": "$[[ event.name ]] $[[ event.phase ]]"},
            filter="event.name != 'quiet'",
        ),
        trigger("round", "loop", execution={"workflow": "loop"}),
    )
    eventually(lambda: status(kubectl, "told").get("conditions"))
    eventually(lambda: status(kubectl, "round").get("conditions"))
    for name in ("quiet", "loud"):
        kubectl.create(execution("deploy", name))
        ended(kubectl, name)
    kubectl.create(execution("loop", "begin"))
    (told,) = eventually(lambda: runs(kubectl, "tell"))
    assert told["spec"]["variables"] == {"what": "loud Succeeded"}
    eventually(lambda: status(kubectl, "told").get("counts", {}).get("filtered") == 1)
    eventually(lambda: status(kubectl, "round").get("counts", {}).get("failed") == 1)
    depths = sorted(raw["spec"].get("trigger", {}).get("depth", 0) for raw in runs(kubectl, "loop"))
    assert depths == [0, 1, 2, 3, 4, 5]


def test_dedupe_and_rate_limit(kubectl: Kubectl) -> None:
    kubectl.apply(
        workflow("source", nodes=QUICK),
        workflow("once", nodes=QUICK),
        workflow("few", nodes=QUICK),
        trigger(
            "once",
            "once",
            execution={"workflow": "source"},
            dedupe={"key": "event.workflow", "window": "1h"},
        ),
        trigger(
            "few",
            "few",
            execution={"workflow": "source"},
            rateLimit={"limit": 2, "period": "1h", "policy": "Drop"},
        ),
        trigger("off", "few", execution={"workflow": "source"}, suspend=True),
    )
    for name in ("once", "few", "off"):
        eventually(lambda name=name: status(kubectl, name).get("conditions"))  # type: ignore[misc]
    for number in range(4):
        kubectl.create(execution("source", f"source-{number}"))
        ended(kubectl, f"source-{number}")

    def counted(name: str) -> dict[str, int]:
        found: dict[str, int] = status(kubectl, name).get("counts", {})
        return found

    eventually(lambda: counted("once") == {"received": 4, "started": 1, "deduplicated": 3})
    eventually(lambda: counted("few") == {"received": 4, "started": 2, "limited": 2})
    assert counted("off") == {}
    assert len(runs(kubectl, "few")) == 2


def test_the_example_of_a_schedule_fires_with_the_day_of_its_slot(kubectl: Kubectl) -> None:
    flow, nightly = yaml.safe_load_all((EXAMPLES / "trigger-schedule.yaml").read_text())
    kubectl.apply(flow, nightly)
    eventually(lambda: status(kubectl, "nightly").get("nextFire"))
    schedule = {**nightly["spec"]["schedule"], "cron": "* * * * * *", "jitter": "1ms"}
    nightly["spec"] |= {"schedule": schedule, "rateLimit": {**ONE, "policy": "Drop"}}
    kubectl.apply(nightly)
    (raw,) = eventually(lambda: runs(kubectl, "nightly-report"))
    scheduled = raw["spec"]["trigger"]["event"]["localTime"]
    text = ended(kubectl, raw["metadata"]["name"])["status"]["outputs"]["text"]
    assert text == f"report of {scheduled[:10]}"
    kubectl("delete", "awft", "nightly")


def test_the_example_of_a_chain_deploys_what_was_built(kubectl: Kubectl) -> None:
    kubectl.apply(*yaml.safe_load_all((EXAMPLES / "trigger-execution.yaml").read_text()))
    eventually(lambda: status(kubectl, "after-build").get("conditions"))
    kubectl.apply(execution("build", "build-7"))
    (raw,) = eventually(lambda: runs(kubectl, "deploy-build"))
    outputs = ended(kubectl, raw["metadata"]["name"])["status"]["outputs"]
    assert outputs == {"text": "deployed shop:build-7"}
