"""Scenarios with interventions: users pause, resume, cancel, replace and re-run at any moment.

They extend a scenario without interventions, so that the scenarios of the seeds before `FIRST` do
not change.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.scenario import Raw, Scenario

FIRST = 1_000_000
"""The first seed whose scenario holds interventions."""
LAST_INTERVENTION = 120.0
"""Seconds after which no further intervention occurs."""
_SUB = {"name": "sub", "workflow": {"name": "child"}}


def intervene(scenario: Scenario) -> Scenario:
    """The scenario with interventions, and with what they meet: limits of time, failures that stop,
    limits of concurrency, sub-executions and fan-outs of them."""
    rng = random.Random(f"{scenario.seed}/interventions")
    _widen_workflows(scenario.workflows, rng)
    main = scenario.workflows["main"]
    _limit(scenario, main, rng)
    names = [name for *_, name in scenario.executions]
    for number in range(rng.choice([0, 0, 1, 2])):
        again = [rng.choice(main["nodes"])["name"] for _ in range(rng.randint(1, 2))]
        name = f"again{number}"
        scenario.reruns.append(
            (rng.uniform(5, LAST_INTERVENTION), name, rng.choice(names), sorted({*again}))
        )
        names.append(name)
    scenario.people = [
        (moment, name, state)
        for name in names
        for moment, state in _interventions(rng, ends=bool(main.get("timeout")))
    ]
    return scenario


def _interventions(rng: random.Random, *, ends: bool) -> list[tuple[float, str]]:
    """What people ask of one execution; `ends`: it ends although it may stay paused for ever."""
    if rng.random() < 0.2:
        return []
    latest = rng.choice([6.0, 20.0, 60.0])
    moments = sorted(rng.uniform(0, latest) for _ in range(rng.choice([1, 2, 2, 3, 4])))
    first = rng.choice(["Paused", "Paused", "Paused", "Running"])
    states = [first, "Running" if first == "Paused" else "Paused"] * 2
    asked = list(zip(moments, states, strict=False))
    last = rng.choice(["Running", "Running", "Cancelled", "Terminated", ""])
    if last or not ends:
        asked.append((rng.uniform(latest, LAST_INTERVENTION), last or "Running"))
    return asked


def _limit(scenario: Scenario, main: Raw, rng: random.Random) -> None:
    """A limit of concurrency, and executions enough to exceed it."""
    if rng.random() < 0.5:
        return
    limit = rng.choice([1, 1, 2])
    policy = rng.choice(["Queue", "Forbid", "Replace", "Replace"])
    main["concurrency"] = {"limit": limit, "policy": policy}
    for number in range(len(scenario.executions), limit + 2):
        scenario.executions.append((rng.uniform(0, 40), "main", f"run{number}"))


def _widen_workflows(workflows: dict[str, Raw], rng: random.Random) -> None:
    main = workflows["main"]
    if rng.random() < 0.5 and not any("workflow" in node for node in main["nodes"]):
        _insert(main, dict(_SUB), rng)
    if rng.random() < 0.4:
        timeout = rng.choice(["5s", "10s", "30s"])
        gate = {"name": "gate", "wait": {"signal": "go"}, "timeout": timeout}
        _insert(main, gate, rng, linked=0.3)
    if rng.random() < 0.15:
        _insert(main, {"name": "undone", "fail": "it was undone"}, rng)
    for node in main["nodes"]:
        if "workflow" in node:
            workflows.setdefault("child", _child(rng))
            _widen_node(node, rng)
    for spec in workflows.values():
        _bound(spec, rng)
    child = workflows.get("child")
    if child is not None and rng.random() < 0.2:
        _insert(child, {"name": "deep", "workflow": {"name": "grandchild"}}, rng)
        workflows["grandchild"] = _child(rng)


def _widen_node(node: Raw, rng: random.Random) -> None:
    if rng.random() < 0.5:
        node["forEach"] = {
            "values": "[1, 2, 3]", "as": "it", "parallelism": rng.randint(1, 3),
            "maxFailed": rng.randint(0, 3),
        }  # fmt: skip
        node.pop("retry", None)
    if rng.random() < 0.4:
        node["timeout"] = rng.choice(["15s", "60s"])


def _bound(spec: Raw, rng: random.Random) -> None:
    """What ends a run before its time, and what then runs last."""
    if rng.random() < 0.5:
        spec["timeout"] = rng.choice(["6s", "15s", "40s"])
    if rng.random() < 0.4:
        spec["onFailure"] = rng.choice(["Stop", "Stop", "Cancel"])
    if rng.random() < 0.4 and "finally" not in spec:
        spec["nodes"].append(_task("last", rng))
        spec["finally"] = ["last"]


def _child(rng: random.Random) -> Raw:
    spec: Raw = {"nodes": [_task("n0", rng)], "history": {"keepJobs": "24h"}}
    if rng.random() < 0.8:
        then = rng.choice([_task("n1", rng), {"name": "n1", "delay": "2s"}])
        _insert(spec, then, rng)
    return spec


def _task(name: str, rng: random.Random) -> Raw:
    node: Raw = {"name": name, "action": "local/task", "timeout": rng.choice(["20s", "60s"])}
    if rng.random() < 0.3:
        node["retry"] = {"limit": 1, "backoff": {"initial": rng.choice(["2s", "20s"])}}
    return node


def _insert(spec: Raw, node: dict[str, Any], rng: random.Random, *, linked: float = 0.5) -> None:
    """A further node, so often after one that is there."""
    final = spec.get("finally", ())
    sources = [each for each in spec["nodes"] if each["name"] not in final]
    spec["nodes"].insert(len(sources), node)
    if rng.random() < linked:
        source = rng.choice(sources)
        outcomes = ["Then", "Else"] if "condition" in source else ["Succeeded", "Always", "Failed"]
        edge = {"from": source["name"], "to": node["name"], "outcome": rng.choice(outcomes)}
        spec.setdefault("edges", []).append(edge)
