"""The scenario of a seed: workflows, the ends of their pods, interventions and faults."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from orchestrator.models.base import API_VERSION
from tests.simulation import interventions, trigger_scenarios
from tests.simulation.faults import Faults
from tests.simulation.stages import AT_ONCE, NEVER, Outcome, Stages

Raw = dict[str, Any]
NAMESPACE = "default"

TASK: Raw = {
    "apiVersion": API_VERSION,
    "kind": "Template",
    "metadata": {"name": "task", "namespace": NAMESPACE},
    "spec": {
        "parameters": [{"name": "text", "type": "string", "default": ""}],
        "outputs": [{"name": "value", "type": "integer"}],
        "permanentExitCodes": [64],
        "action": {"image": "example.com/task:1", "command": ["task", "$[[ params.text ]]"]},
    },
}


@dataclass
class Operators:
    """How the operators fare."""

    crashes: list[tuple[int, bool, float]] = field(default_factory=list)
    """Each start in turn: the write it does not survive, whether that does not take effect either,
    and the seconds until the next start."""
    second: bool = False
    """A second operator works all the time, without a lease between them."""
    frozen: tuple[float, float] | None = None
    """The first one is frozen from here to there, and wakes up with what it knew."""


@dataclass
class Scenario:
    """Everything about one run."""

    seed: int
    workflows: dict[str, Raw]
    executions: list[tuple[float, str, str]]
    """When, of which workflow, by which name."""
    people: list[tuple[float, str, str]]
    """When somebody sets which execution's desiredState to what."""
    deletions: list[tuple[float, str]]
    """When a Job or pod is deleted by others."""
    outages: list[tuple[float, float]]
    """Periods in which the API server is unreachable."""
    faults: Faults
    operators: Operators
    latency: float
    calm_after: float
    """Seconds after which there are no more faults."""
    reruns: list[tuple[float, str, str, list[str]]] = field(default_factory=list)
    """When, by which name, a re-run of which execution, from which nodes."""
    trigger: Raw | None = None
    """The spec of a Trigger that follows the ends of `main`."""

    @property
    def same_result(self) -> bool:
        """Whether time decides nothing, so that faults may not change the result."""
        if self.seed >= interventions.FIRST:
            return False
        timed = any("onFailure" in spec for spec in self.workflows.values())
        decided = bool(self.people or self.deletions or self.faults.decisive)
        return not decided and not timed

    @property
    def stages(self) -> Stages:
        """How the kubelet shows the end of pods: in most scenarios as a real one does."""
        rng = random.Random(f"{self.seed}/stages")
        seconds = rng.choice([0.0, 0.0, 1.2, 1.2, 3.0])
        injects = rng.random() < 0.3
        return Stages(seconds, self._injected if injects else AT_ONCE.injected)

    def _injected(self, execution: str, node: str) -> float | None:
        """Seconds that an injected container outlives the action: of plain nodes only, since an
        item's verdict is Kubernetes'."""
        fans = (each for spec in self.workflows.values() for each in spec["nodes"])
        if any("forEach" in each for each in fans if each["name"] == node):
            return None
        rng = random.Random(f"{self.seed}/{execution}/{node}/injected")
        return rng.choice([None, 0.0, 2.0, NEVER])

    def outcome(self, execution: str, node: str, attempt: int, index: int) -> Outcome:
        """How a pod ends: the same whenever it is asked."""
        rng = random.Random(f"{self.seed}/{execution}/{node}/{attempt}/{index}")
        kinds = ["success"] * 7 + ["failure"] * 2 + ["permanent", "disrupted", "hang"]
        seconds = rng.choice([0.05, 0.5, 2.0, 7.0])
        return Outcome(rng.choice(kinds), seconds, rng.randint(0, 9))


def generate_scenario(seed: int) -> Scenario:
    """The scenario of a seed; from `interventions.FIRST` on people intervene in it, and from
    `trigger_scenarios.FIRST` on it has a Trigger."""
    scenario = _generate(seed)
    if seed >= trigger_scenarios.FIRST:
        return trigger_scenarios.trigger_executions(scenario)
    return interventions.intervene(scenario) if seed >= interventions.FIRST else scenario


def _generate(seed: int) -> Scenario:
    rng = random.Random(seed)
    workflows = {"main": _workflow(rng, rng.randint(1, 6), ["child"])}
    if any("workflow" in node for node in workflows["main"]["nodes"]):
        workflows["child"] = _workflow(rng, rng.randint(1, 2), [])
    operators = _operators(rng)
    count = rng.choice([1, 1, 1, 2, 3])
    crowded = rng.random() < 0.3
    if count > 1 and crowded:
        limit = rng.randint(1, 2)
        workflows["main"]["concurrency"] = {"limit": limit, "policy": "Queue"}
        count += limit
        operators.second = operators.second or rng.random() < 0.4
    moments = [rng.uniform(0, 5) for _ in range(count)]
    if rng.random() < 0.3:
        moments = [moments[0]] * count
    executions = [(moment, "main", f"run{index}") for index, moment in enumerate(moments)]
    outages: list[tuple[float, float]] = []
    if rng.random() < 0.15:
        begin = rng.uniform(1, 15)
        outages = [(begin, begin + rng.choice([1.0, 5.0, 20.0]))]
    people: list[tuple[float, str, str]] = []
    deletions: list[tuple[float, str]] = []
    other = rng.random()
    if other < 0.2:
        moment = rng.uniform(1, 20)
        people = [(moment, "run0", rng.choice(["Cancelled", "Terminated"]))]
        if rng.random() < 0.5:
            people.insert(0, (moment / 2, "run0", "Paused"))
    elif other < 0.3:
        begin, end = outages[0] if outages else (1, 20)
        deletions = [(rng.uniform(begin, end), rng.choice(["jobs", "pods"])) for _ in range(2)]
    return Scenario(
        seed=seed,
        workflows=workflows,
        executions=executions,
        people=people,
        deletions=deletions,
        faults=_faults(rng),
        outages=outages,
        operators=operators,
        latency=rng.choice([0.002, 0.02, 0.5]),
        calm_after=rng.choice([8.0, 20.0, 60.0]),
    )


def _workflow(rng: random.Random, count: int, children: list[str]) -> Raw:
    kinds = (
        ["action"] * 6
        + ["condition", "delay", "delay", "fan", "transform"]
        + ["workflow"] * len(children)
    )
    nodes: list[Raw] = []
    edges: list[Raw] = []
    for number in range(count):
        kind = rng.choice(kinds)
        nodes.append(_node(rng, f"n{number}", kind))
        for source in sorted(rng.sample(range(number), min(number, rng.choice([0, 1, 1, 2])))):
            outcomes = ["Succeeded"] * 3 + ["Failed", "Always"]
            if "condition" in nodes[source]:
                outcomes = ["Then", "Else"]
            edges.append(
                {"from": f"n{source}", "to": f"n{number}", "outcome": rng.choice(outcomes)}
            )
    spec: Raw = {"nodes": nodes, "history": {"keepJobs": "24h"}}
    if edges:
        spec["edges"] = edges
    if rng.random() < 0.25:
        nodes.append(_node(rng, "last", "action"))
        spec["finally"] = ["last"]
    if rng.random() < 0.15:
        spec["onFailure"] = rng.choice(["Stop", "Cancel"])
    return spec


def _node(rng: random.Random, name: str, kind: str) -> Raw:
    match kind:
        case "condition":
            return {"name": name, "condition": rng.choice(["1 < 2", "2 < 1"])}
        case "delay":
            return {"name": name, "delay": rng.choice(["500ms", "4s"])}
        case "transform":
            return {"name": name, "transform": {"sum": "1 + 1"}}
        case "workflow":
            fields: Raw = {"workflow": {"name": "child"}}
        case "fan":
            fields = {
                "action": "local/task",
                "timeout": rng.choice(["20s", "20s", "60s"]),
                "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": rng.randint(1, 3),
                            "maxFailed": rng.randint(0, 3)},
            }  # fmt: skip
        case _:
            fields = {"action": "local/task", "timeout": rng.choice(["20s", "20s", "60s"])}
    if rng.random() < 0.5:
        fields["retry"] = {"limit": rng.randint(1, 2)}
    if rng.random() < 0.2:
        fields["allowFailure"] = True
    if rng.random() < 0.2:
        fields["join"] = rng.choice(["Any", "First"])
    return {"name": name, **fields}


def _faults(rng: random.Random) -> Faults:
    def some(rate: float) -> float:
        return rng.choice([0.0, 0.0, rate])

    return Faults(
        lost=some(0.1),
        busy=some(0.1),
        conflict=some(0.2),
        lag=rng.choice([0.0, 0.0, 1.0, 8.0]),
        doubled=some(0.2),
        dropped=rng.choice([0.0, 0.0, 0.0, 0.05, 0.4]),
        cut=some(0.1),
        merged=some(0.5),
        refused=rng.choice([0.0] * 7 + [0.1]),
        slow=rng.choice([0.0] * 5 + [0.02]),
        expired=some(0.2),
    )


def _operators(rng: random.Random) -> Operators:
    crashes = [
        (rng.randint(0, 12), rng.random() < 0.5, rng.choice([0.1, 3.0, 30.0]))
        for _ in range(rng.choice([0, 0, 1, 2, 3]))
    ]
    second = rng.random() < 0.2
    frozen = None
    if rng.random() < 0.2:
        begin = rng.uniform(1, 15)
        frozen, second = (begin, begin + rng.choice([5.0, 200.0])), True
    return Operators(crashes, second, frozen)
