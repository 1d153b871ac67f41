"""Invariants of what the API server stores at every moment of a run.

An attempt has one Job; nothing is created before its cause is stored; what has ended stays ended,
and nothing runs for it; and events are handled soon once there are no faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.evidence import has_succeeded
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.labels import EXECUTION_UID
from tests.simulation.kubelet import Kubelet
from tests.simulation.pods import JOB_NAME, stopped, work_of
from tests.simulation.scenario import NAMESPACE, Raw, Scenario
from tests.simulation.store import Store

MAX_REACTION = 10.0
"""Seconds within which events are handled while there are no faults: retries, a Job's verdict and a
write that waits for company included, but no slow resync and no second look."""
ADMISSION_REQUESTS = 10
"""Requests of an admission, one after the other, for whose time a slow API server is excused: after
a start it takes about seventeen, each of which takes the scenario's latency on average."""
_QUIET = ("leases", "events")
_ASKED = (
    "CancelRequested",
    "Terminated",
    "Replaced",
    "ExecutionTimedOut",
    "FailureCancelled",
)
"""Why an execution is brought to its end at once."""


class Invariants:
    """Follows every change of a store; what does not hold is told to `wrong`."""

    def __init__(
        self,
        scenario: Scenario,
        store: Store,
        kubelet: Kubelet,
        wrong: Callable[[str], None],
    ) -> None:
        self._scenario, self._store, self._kubelet = scenario, store, kubelet
        self.wrong = wrong
        self.hears_all = scenario.faults.dropped == 0
        """Whether watches lose no event silently; what they lose is found by a slow resync."""
        self._made_or_refused = scenario.faults.refused > 0 and scenario.operators.second
        """Whether a webhook may refuse to one operator the very Job that another makes at that
        moment: its node has failed then, and the Job is stopped."""
        self.well: float | None = None
        """Since when nothing goes wrong and an operator works; None while that is not so."""
        self.writes: list[str] = []
        self.jobs: set[tuple[str, str, int]] = set()
        """(execution, node, attempt) of all Jobs that were made."""
        self._made: dict[tuple[str, str, int], str] = {}
        self.excused: set[str] = set()
        self.deleted_jobs: set[tuple[str, str]] = set()
        """(execution, node) of Jobs that others deleted: their pods end on their own, alongside the
        next attempt."""
        self._told: dict[str, float] = {}
        """When the end of a Job or sub-execution could be known, by name."""
        self._ended: dict[str, float] = {}
        """When an execution ended, by name."""
        self._cancelled: dict[str, float] = {}
        """When it was stored that people end an execution, by name."""
        self._pods: dict[str, tuple[str, float]] = {}
        """The Job of every pod that works, and since when."""
        self._marked: set[str] = set()
        """Revisions that were marked as referred to by nothing."""
        self._free = 0.0
        """When a slot became free, or there was none to wait for."""
        store.observers.append(self._changed)

    # Changes

    def _changed(self, plural: str, old: Raw | None, new: Raw | None) -> None:
        if self._marks_a_revision(plural, new):
            return
        if plural not in (*_QUIET, "pods", "jobs") or (plural == "jobs" and old is None):
            self.writes.append(f"{plural} {(new or old or {})['metadata']['name']}")
        if plural == "jobs":
            self._job(old, new)
        elif plural == "pods":
            self._pod(old, new)
        elif plural == "workflowexecutions" and new is not None:
            if old is None:
                self._execution_made(new)
            else:
                self._status(old, new)

    def _marks_a_revision(self, plural: str, new: Raw | None) -> bool:
        """Whether a revision that nothing refers to is marked, which it is once."""
        if plural != "controllerrevisions" or new is None:
            return False
        metadata = new["metadata"]
        if metadata["name"] in self._marked or not metadata.get("annotations"):
            return False
        self._marked.add(metadata["name"])
        return True

    def _job(self, old: Raw | None, new: Raw | None) -> None:
        if old is None and new is not None:
            self._job_made(new)
        raw = new or old
        assert raw is not None
        if new is None or verdict(raw):
            self._tell(raw["metadata"]["name"])

    def _pod(self, old: Raw | None, new: Raw | None) -> None:
        raw = new or old
        assert raw is not None
        name, job = raw["metadata"]["name"], raw["metadata"]["labels"][JOB_NAME]
        phase = raw["status"].get("phase")
        if has_succeeded(raw) and self._mode(job) != "Indexed":
            self._tell(job)
        if new is not None and phase == "Running" and not stopped(raw):
            self._pods.setdefault(name, (job, self._store.clock()))
        elif (began := self._pods.pop(name, None)) is not None:
            self._pod_ended(raw, began[1])

    def _mode(self, job: str) -> str:
        raw = self._store.objects.get(("jobs", NAMESPACE, job)) or {"spec": {}}
        return str(raw["spec"].get("completionMode", ""))

    def _tell(self, name: str) -> None:
        self._told.setdefault(name, self._store.clock())

    # Jobs

    def _job_made(self, job: Raw) -> None:
        metadata = job["metadata"]
        name, node, attempt = work_of(job)
        key = (metadata["labels"][EXECUTION_UID], node, attempt)
        if key in self._made and metadata["name"] not in self.excused:
            self.wrong(f"two Jobs for attempt {attempt} of {name}.{node}")
        self._made[key] = metadata["name"]
        self._told.pop(metadata["name"], None)  # made again after others deleted it
        self.jobs.add((name, node, attempt))
        owner = self._store.objects.get(("workflowexecutions", NAMESPACE, name))
        if owner is None:
            return
        status = owner.get("status") or {}
        if not status.get("revision"):
            self.wrong(f"a Job of {name}.{node} before the execution was admitted")
        spec = self._scenario.workflows[owner["spec"]["workflow"]]
        self._ground_is_stored(name, spec, node, attempt, status)
        if attempt == 1 and not self._scenario.deletions:
            self._sources_have_ended(name, spec, node)

    def _ground_is_stored(self, name: str, spec: Raw, node: str, attempt: int, status: Raw) -> None:
        """What rests on the clock is stored before it is acted upon."""
        records = status.get("nodes") or {}
        stored = (records.get(node) or {}).get("attempts", 0)
        if attempt > 1 and stored < attempt:
            self.wrong(f"attempt {attempt} of {name}.{node} before it was stored")
        if node in spec.get("finally", ()) and not status.get("settled"):
            self.wrong(f"{name}.{node} before what went before it was stored as settled")
        if attempt > 1 or node_of(spec, node).get("join", "All") != "All":
            return
        for edge in spec.get("edges", ()):
            source = edge["from"]
            delays = edge["to"] == node and "delay" in node_of(spec, source)
            if delays and source in records and not over(records[source]):
                self.wrong(f"{name}.{node} before the end of {source} was stored")

    def _sources_have_ended(self, name: str, spec: Raw, node: str) -> None:
        if self._made_or_refused or node_of(spec, node).get("join", "All") != "All":
            return
        for edge in spec.get("edges", ()):
            if edge["to"] != node or "forEach" in node_of(spec, edge["from"]):
                continue  # of a fan-out that has failed the last pods are still being stopped
            if self._kubelet.unfinished.get((name, edge["from"]), 0) > 0:
                self.wrong(f"{node} began while {edge['from']} still ran")

    def _pod_ended(self, pod: Raw, began: float) -> None:
        """Orphans are stopped, not left to end by themselves."""
        name, node, _ = work_of(pod)
        since = self._ended.get(name)
        if since is None and node != "last":  # `finally` goes on when people cancel
            since = self._cancelled.get(name)
        if since is None or not self.hears_all or self.well is None:
            return
        worked = self._store.clock() - max(since, began, self.well)
        if worked > MAX_REACTION:
            self.wrong(f"a pod of {name}.{node} worked on for {worked:.0f} s")

    # Executions

    def _execution_made(self, made: Raw) -> None:
        """A sub-execution acts by itself, so its parent's record of it is stored before."""
        name, parent = made["metadata"]["name"], made["spec"].get("parent")
        owner = self._store.objects.get(
            ("workflowexecutions", NAMESPACE, (parent or {}).get("name", ""))
        )
        if parent is None or owner is None or owner["metadata"]["uid"] != parent["uid"]:
            return
        if parent["node"] not in ((owner.get("status") or {}).get("nodes") or {}):
            self.wrong(
                f"sub-execution {name} before the record of {parent['name']}.{parent['node']}"
            )

    # Statuses

    def _status(self, old: Raw, new: Raw) -> None:
        before, after = old.get("status") or {}, new.get("status") or {}
        name = new["metadata"]["name"]
        if terminal(old) and before != after:
            self.wrong(f"{name} changed after its end")
        if before.get("phase") != after.get("phase"):
            self._phase_changed(old, new)
        if (after.get("cancelRequested") or {}).get("reason") in _ASKED:
            self._cancelled.setdefault(name, self._store.clock())
        nodes = after.get("nodes") or {}
        for node, record in (before.get("nodes") or {}).items():
            now = nodes.get(node)
            if record is now:
                continue
            if over(record) and now != record:
                self.wrong(f"{name}.{node} changed after its end: {record} {now}")
            if not over(record) and now is not None:
                self._record_changed(name, node, record, now)

    def _phase_changed(self, old: Raw, new: Raw) -> None:
        self._check_limit()
        name = new["metadata"]["name"]
        if terminal(new):
            self._ended[name] = self._store.clock()
            self._tell(name)
            self._free = self._store.clock()
        elif not begun(old) and begun(new):
            late = self._admitted_late(new)
            if late > MAX_REACTION + ADMISSION_REQUESTS * self._scenario.latency:
                self.wrong(f"{name} was admitted {late:.0f} s late")

    def _admitted_late(self, new: Raw) -> float:
        """Seconds by which an execution could have been admitted earlier."""
        if not self.hears_all or self.well is None or new["spec"].get("parent"):
            return 0.0
        if self._scenario.operators.second:  # the one that gave the slot back may be gone since
            return 0.0
        created = from_rfc3339(new["metadata"]["creationTimestamp"])
        not_before = (new["spec"].get("trigger") or {}).get("notBefore")
        due = from_rfc3339(not_before) if not_before else created
        return self._store.clock() - max(self._free, self.well, created, due)

    def _record_changed(self, name: str, node: str, record: Raw, now: Raw) -> None:
        """An attempt may have ended: that is recorded soon, and nothing of it is running."""
        waits = now["phase"] == "Waiting" and record["phase"] != "Waiting"
        if not over(now) and not waits:
            return
        made = now.get("job") or now.get("execution") or ""
        told = self._told.get(made)
        if told is None:
            self._unfounded(name, node, now)
        waited = record["phase"] == "Waiting"  # for its retry: the attempt's end was seen then
        if told is None or waited or self.well is None or not self.hears_all:
            return
        late = self._store.clock() - max(told, self.well)
        if late > MAX_REACTION:
            self.wrong(f"the end of {name}.{node} was seen {late:.0f} s late")

    def _unfounded(self, name: str, node: str, now: Raw) -> None:
        """No attempt is taken for ended while it works, unless its time is over."""
        if now.get("job") in self.excused:
            return  # another operator may have made it again after others deleted it
        if (name, node) in self.deleted_jobs and now.get("attempts", 0) > 1:
            return  # what works may be the pod of the attempt before
        works = now.get("job") and self._kubelet.unfinished.get((name, node), 0) > 0
        asked = self._cancelled.get(name, 0.0)
        early = now["phase"] == "Cancelled" and self._store.clock() < asked + MAX_REACTION
        if works and "items" not in now and (early or now["phase"] in ("Succeeded", "Failed")):
            self.wrong(f"{name}.{node} was taken for {now['phase']} while its pod works")

    def _check_limit(self) -> None:
        limit = self._scenario.workflows["main"].get("concurrency", {}).get("limit", 99)
        running = [
            raw["metadata"]["name"]
            for raw in self._store.all("workflowexecutions")
            if raw["spec"]["workflow"] == "main" and begun(raw)
        ]
        if len(running) > limit:
            self.wrong(f"{running} run at once, at most {limit} may")


def node_of(spec: Raw, name: str) -> Raw:
    """A node of a workflow's spec."""
    found: Raw = next(node for node in spec["nodes"] if node["name"] == name)
    return found


def begun(raw: Raw) -> bool:
    """Whether the execution is admitted and has not ended."""
    return (raw.get("status") or {}).get("phase") in ("Running", "Paused")


def terminal(raw: Raw) -> bool:
    """Whether the execution has ended."""
    phase = (raw.get("status") or {}).get("phase") or ""
    return bool(phase) and ExecutionPhase(phase).terminal


def over(record: Raw | None) -> bool:
    """Whether the node has ended."""
    return record is not None and NodePhase(record["phase"]).terminal


def finished(job: Raw) -> bool:
    """Whether nothing of the Job is running."""
    return any(condition["type"] in ("Complete", "Failed") for condition in _conditions(job))


def verdict(job: Raw) -> bool:
    """Whether the Job says how it ends."""
    return finished(job) or any(each["type"] == "FailureTarget" for each in _conditions(job))


def _conditions(job: Raw) -> list[Any]:
    return (job.get("status") or {}).get("conditions") or []
