"""Scenarios with a Trigger: executions end in bursts, and each end is an event that starts another
execution, subject to a rateLimit, a cooldown or a dedupe window.

They extend a scenario's faults, crashes and outages, so that the scenarios of the seeds before
`FIRST` do not change.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from orchestrator.models.base import API_VERSION

if TYPE_CHECKING:
    from tests.simulation.scenario import Raw, Scenario

FIRST = 2_000_000
"""The first seed whose scenario has a Trigger."""
TRIGGER, STARTED = "after", "follow-up"
"""The Trigger, and the Workflow that it starts."""
PHASES = ["Succeeded", "Failed", "TimedOut", "Cancelled"]
_KEPT = {"succeeded": 500, "failed": 500, "keepJobs": "24h"}


def trigger_executions(scenario: Scenario) -> Scenario:
    """The scenario with many short executions, and a Trigger that follows their ends."""
    rng = random.Random(f"{scenario.seed}/triggering")
    node: Raw = {"name": "n0", "transform": {"sum": "1 + 1"}}
    if rng.random() < 0.5:
        node = {"name": "n0", "action": "local/task", "timeout": "20s"}
    quick: Raw = {"nodes": [{"name": "a", "transform": {"x": "1"}}], "history": dict(_KEPT)}
    scenario.workflows = {"main": {"nodes": [node], "history": dict(_KEPT)}, STARTED: quick}
    scenario.executions = [
        (moment, "main", f"run{number}") for number, moment in enumerate(_bursts(rng))
    ]
    scenario.people, scenario.deletions = [], []
    scenario.trigger = {
        "workflow": STARTED,
        "execution": {"workflow": "main", "phases": PHASES},
        **_limits(rng),
    }
    return scenario


def manifest(scenario: Scenario) -> Raw:
    """The Trigger of a scenario."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Trigger",
        "metadata": {"name": TRIGGER},
        "spec": scenario.trigger,
    }


def _bursts(rng: random.Random) -> list[float]:
    """When the executions begin: some at once, and some long after."""
    moments: list[float] = []
    at = 0.0
    for _ in range(rng.randint(2, 4)):
        at += rng.uniform(0, 40)
        moments += [at + rng.uniform(0, rng.choice([0.0, 2.0, 10.0])) for _ in range(_many(rng))]
    return sorted(moments)


def _many(rng: random.Random) -> int:
    return rng.choice([1, 2, 3, 5])


def _limits(rng: random.Random) -> dict[str, Any]:
    """One of the ways in which a Trigger starts fewer executions than there are events."""
    period = rng.choice(["10s", "30s", "1m"])
    match rng.choice(["Queue", "Newest", "Drop", "cooldown", "dedupe", "none"]):
        case "cooldown":
            return {"cooldown": period}
        case "dedupe":
            return {"dedupe": {"key": rng.choice(["event.phase", "'one'"]), "window": period}}
        case "none":
            return {}
        case policy:
            limit = rng.choice([1, 1, 2, 3])
            return {"rateLimit": {"limit": limit, "period": period, "policy": policy}}
