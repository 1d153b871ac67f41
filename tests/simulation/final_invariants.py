"""Invariants once every execution of a scenario has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.kube.cache import execution_of
from orchestrator.models.labels import ATTEMPT, NODE
from orchestrator.models.reasons import Reason
from tests.simulation.invariants import finished, over
from tests.simulation.refusal_invariants import created_though_refused
from tests.simulation.scenario import NAMESPACE, Raw, Scenario
from tests.simulation.store import Store

_ENDS = {
    "success": ("Succeeded", ""),
    "failure": ("Failed", "Failed"),
    "permanent": ("Failed", "Failed"),
    "disrupted": ("Failed", "Disrupted"),
    "hang": ("TimedOut", "TimedOut"),
}
"""Phase and reason of a node by how the pod of its last attempt ends."""


class FinalInvariants:
    """Compares the final statuses with the ends of the pods; `wrong` receives each difference."""

    def __init__(self, scenario: Scenario, store: Store, wrong: Callable[[str], None]) -> None:
        self._scenario, self._store, self._wrong = scenario, store, wrong

    def check(self) -> None:
        """Check every execution, Job and figure."""
        for raw in self._store.all("workflowexecutions"):
            self._check_nodes(raw)
        for job in self._store.all("jobs"):
            if not finished(job):
                self._wrong(f"Job {job['metadata']['name']} still runs")
        self._check_metrics()

    def _check_nodes(self, raw: Raw) -> None:
        name = raw["metadata"]["name"]
        for node, record in (raw["status"].get("nodes") or {}).items():
            if not over(record):
                self._wrong(f"{name} ended, its node {node} did not: {record}")
            self._check_evidence(raw, node, record)
            made = created_though_refused(self._store, raw, node, record)
            if made and not self._scenario.operators.second:
                self._wrong(f"{name}.{node} was refused, and yet there is {made}")

    def _check_evidence(self, execution: Raw, node: str, record: Raw) -> None:
        """What a record says is what its own Job or sub-execution came to."""
        child = self._store.objects.get(
            ("workflowexecutions", NAMESPACE, record.get("execution") or "")
        )
        if child is not None and record["phase"] != "Cancelled":
            came_to, name = child["status"]["phase"], execution["metadata"]["name"]
            if (came_to == "Succeeded") is not (record["phase"] == "Succeeded"):
                self._wrong(f"{name}.{node} came to {record}, its sub-execution to {came_to}")
        job = self._store.objects.get(("jobs", NAMESPACE, record.get("job") or ""))
        name = execution["metadata"]["name"]
        if job is None:
            return
        notes, attempt = job["metadata"]["annotations"], record["attempts"]
        says = (*(execution_of(job) or ())[1:], notes[NODE], int(notes[ATTEMPT]))
        if says != (name, node, attempt):
            self._wrong(f"{name}.{node}, attempt {attempt}, names the Job of {notes}")
        if job["spec"].get("completionMode") == "Indexed" or self._scenario.deletions:
            return
        pod = self._scenario.outcome(name, node, attempt, 0)
        wanted = _ENDS[pod.kind]
        if record["phase"] in ("Cancelled", "Skipped"):
            return
        waits = pod.kind != "success" and any(name == who for _, who, _ in self._scenario.people)
        if waits and record.get("reason") == Reason.FINALLY_TIMED_OUT:
            return  # it was to be tried again, and paused until the time was over
        outputs: list[Any] = (
            [{"value": pod.value}] if pod.kind == "success" else [record.get("outputs")]
        )
        if execution["spec"].get("desiredState") == "Terminated":
            outputs.append(None)  # a pod that is removed by force takes its outputs along
        if (record["phase"], record.get("reason", "")) != wanted or (
            record.get("outputs") not in outputs
        ):
            self._wrong(f"{name}.{node} came to {record}, its pod to {pod}")

    def _check_metrics(self) -> None:
        ended = [
            raw
            for raw in self._store.all("workflowexecutions")
            if raw["spec"]["workflow"] == "main"
        ]
        counted = (
            self._store.objects["workflows", NAMESPACE, "main"].get("status", {}).get("metrics", {})
        )
        if counted.get("total") != len(ended):
            self._wrong(f"counted {counted}, {len(ended)} executions ended")
