"""A workflow of twelve nodes: branches, a handled failure, a retry, and outputs between nodes.

`number` above 5 takes the branch `large`; `fatal` lets the last node fail, and with it the whole.
`staged`: the pods of `fetch` and `flaky` show the stages of a kubelet, one write after the other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from orchestrator.jobs.names import job_name
from tests.kube import Kubectl, eventually, execution, manifest, phases, workflow

TASK = manifest(
    "Template",
    "task",
    {
        "parameters": [
            {"name": "code", "type": "string", "default": "0"},
            {"name": "failing", "type": "integer", "default": 0},
            {"name": "message", "type": "string", "default": ""},
            {"name": "delay", "type": "string", "default": "0s"},
            {"name": "stages", "type": "boolean", "default": False},
        ],
        "outputs": [{"name": "value", "type": "integer"}],
        "permanentExitCodes": [64],
        "action": {
            "image": "example.com/fake:1",
            "env": [
                {
                    "name": "FAKE_EXIT_CODE",
                    "value": "$[[ '1' if node.attempt <= params.failing else params.code ]]",
                },
                {"name": "FAKE_MESSAGE", "value": "$[[ params.message ]]"},
                {"name": "FAKE_DELAY", "value": "$[[ params.delay ]]"},
                {"name": "FAKE_STAGES", "value": "$[[ 'true' if params.stages else 'false' ]]"},
            ],
        },
    },
)


def task(name: str, **parameters: str | int) -> dict[str, Any]:
    """A node that ends as its parameters say, and as many first attempts badly as are `failing`."""
    return {"name": name, "action": "local/task", "with": parameters}


_BRANCH = "nodes.large.outputs.value | default(nodes.small.outputs.value)"

TWELVE = workflow(
    "twelve",
    variables=[
        {"name": "number", "type": "integer", "default": 7},
        {"name": "fatal", "type": "boolean", "default": False},
        {"name": "staged", "type": "boolean", "default": False},
    ],
    nodes=[
        task("start"),
        task("fetch", message='{"value": $[[ vars.number ]]}', stages="$[[ vars.staged ]]"),
        {"name": "big", "condition": "nodes.fetch.outputs.value > 5"},
        task("large", message='{"value": $[[ nodes.fetch.outputs.value + 1 ]]}', delay="200ms"),
        task("small", message='{"value": $[[ nodes.fetch.outputs.value - 1 ]]}'),
        task("both", message=f'{{"value": $[[ ({_BRANCH}) * 2 ]]}}'),
        {
            **task("flaky", failing=2, message='{"value": 3}', stages="$[[ vars.staged ]]"),
            "retry": {"limit": 2, "backoff": {"initial": "200ms", "factor": 1}},
        },
        {**task("broken", code="64", message="it is broken"), "retry": {"limit": 3}},
        task("rescue", message='{"value": 1}'),
        task("never"),
        {"name": "rest", "delay": "300ms"},
        task(
            "report",
            code="$[[ '3' if vars.fatal else '0' ]]",
            message='{"value": $[[ nodes.both.outputs.value ]]}',
        ),
    ],
    edges=[
        {"from": "start", "to": "fetch"},
        {"from": "fetch", "to": "big"},
        {"from": "big", "to": "large"},
        {"from": "big", "to": "small", "outcome": "Else"},
        {"from": "large", "to": "both"},
        {"from": "small", "to": "both"},
        {"from": "start", "to": "flaky"},
        {"from": "start", "to": "broken"},
        {"from": "broken", "to": "rescue", "outcome": "Failed"},
        {"from": "broken", "to": "never"},
        {"from": "both", "to": "rest"},
        {"from": "rest", "to": "report"},
        {"from": "rescue", "to": "report"},
    ],
    outputs=[{"name": "total", "value": "nodes.report.outputs.value"}],
    history={"succeeded": 10_000, "failed": 10_000},
)

PHASES = {
    "start": "Succeeded",
    "fetch": "Succeeded",
    "big": "Succeeded",
    "large": "Succeeded",
    "small": "Skipped",
    "both": "Succeeded",
    "flaky": "Succeeded",
    "broken": "Failed",
    "rescue": "Succeeded",
    "never": "Skipped",
    "rest": "Succeeded",
    "report": "Succeeded",
}
ATTEMPTS = {
    "start": 1,
    "fetch": 1,
    "large": 1,
    "both": 1,
    "flaky": 3,
    "broken": 1,
    "rescue": 1,
    "report": 1,
}
JOBS = sum(ATTEMPTS.values())


def phases_of(number: int, *, fatal: bool) -> dict[str, str]:
    """Phases of the nodes at the end."""
    taken, left = ("large", "small") if number > 5 else ("small", "large")
    last = "Failed" if fatal else "Succeeded"
    return PHASES | {taken: "Succeeded", left: "Skipped", "report": last}


def outputs_of(number: int, *, fatal: bool) -> dict[str, int]:
    """Outputs of the execution."""
    branch = number + 1 if number > 5 else number - 1
    return {} if fatal else {"total": branch * 2}


def attempts_of(number: int) -> dict[str, int]:
    """Attempts, which is Jobs, of each node that has any."""
    if number > 5:
        return ATTEMPTS
    return {("small" if name == "large" else name): count for name, count in ATTEMPTS.items()}


def jobs_created(audit_log: Path, namespace: str) -> Counter[str]:
    """How often each Job of a namespace was created, according to the audit log."""
    return Counter(
        write.name
        for write in AuditLog(audit_log).new()
        if (write.verb, write.resource, write.namespace) == ("create", "jobs", namespace)
        and write.taken
    )


@dataclass(frozen=True)
class JobCounts:
    """The Jobs of a namespace, and how the audit log records their creation."""

    jobs: int
    logged: int
    """Jobs whose creation is logged with success."""
    unsure: int
    """Jobs whose creation took effect though it is logged with 5xx."""
    asked_again: int
    """Creations that are logged with AlreadyExists."""
    second_pods: int
    """Pods beyond one for each Job."""


def variables(number: int) -> dict[str, Any]:
    """Executions take both branches in turn; every third ends badly."""
    return {"number": 3 + number % 6, "fatal": number % 3 == 0}


def start_executions(kubectl: Kubectl, count: int, *, staged: bool = False) -> None:
    """Create the workflow and its executions."""
    kubectl.apply(
        TASK,
        TWELVE,
        *(
            execution("twelve", f"run-{number}", variables=variables(number) | {"staged": staged})
            for number in range(count)
        ),
    )


def check_all(
    kubectl: Kubectl,
    cluster: Cluster,
    count: int,
    *,
    whole_log: bool = True,
    one_pod: bool = True,
    within: float = 180.0,
) -> JobCounts:
    """Check that each execution ended as expected, and each attempt had one Job and its pod."""

    def finished() -> dict[str, dict[str, Any]]:
        items: list[dict[str, Any]] = kubectl.get("awfx")["items"]
        open_ones = [raw for raw in items if "finishedAt" not in raw.get("status", {})]
        assert not open_ones, f"{len(open_ones)} of {len(items)} have not ended"
        return {raw["metadata"]["name"]: raw for raw in items}

    found = eventually(finished, within, pause=0.5)
    assert len(found) == count
    jobs = []
    for number in range(count):
        raw, given = found[f"run-{number}"], variables(number)
        assert raw["status"]["phase"] == ("Failed" if given["fatal"] else "Succeeded")
        assert phases(raw) == phases_of(**given)
        assert raw["status"].get("outputs", {}) == outputs_of(**given)
        jobs += expected_jobs(raw["metadata"]["uid"], given["number"])
    return check_jobs(kubectl, cluster, jobs, whole_log=whole_log, one_pod=one_pod)


def check_jobs(
    kubectl: Kubectl, cluster: Cluster, expected: list[str], *, whole_log: bool, one_pod: bool
) -> JobCounts:
    """Check that exactly these Jobs were created, each once, and that each had its pod.

    Names are unique among what exists, so a Job that exists, in a namespace where none was ever
    deleted, was created once. A creation whose client was cut off is logged with 504, and one
    that etcd did not confirm with 5xx, whether it took effect or not. `whole_log`: the API server
    was never killed, which loses what it had not logged yet. `one_pod`: the Job controller has no
    reason to make a second pod of a Job, as it does when no answer came to its creation of the
    first and it has not seen it either.
    """
    log = [
        write for write in AuditLog(cluster.audit_log).new() if write.namespace == kubectl.namespace
    ]
    tried = [write for write in log if (write.verb, write.resource) == ("create", "jobs")]
    created = Counter(write.name for write in tried if write.taken)
    unsure = {write.name for write in tried if write.code >= 500}
    exist = Counter(kubectl.names("jobs"))
    assert [w for w in log if w.resource == "jobs" and w.verb.startswith("delete")] == []
    assert set(created.values()) == {1}
    assert Counter(expected) - exist == Counter(), "missing"
    assert exist - Counter(expected) == Counter(), "unexpected"
    assert set(created) <= set(exist)
    bound = {write.name for write in log if write.resource == "pods/binding" and write.taken}
    pods = bound | set(kubectl.names("pods"))
    pods_of = Counter(name.rpartition("-")[0] for name in pods)
    assert Counter(expected) - pods_of == Counter(), "without a pod"
    second = pods_of - Counter(expected)
    assert second == Counter() or not one_pod
    if whole_log:
        assert set(exist) <= set(created) | unsure
    return JobCounts(
        jobs=len(exist),
        logged=len(created),
        unsure=len(set(exist) & unsure - set(created)),
        asked_again=sum(write.code == 409 for write in tried),
        second_pods=second.total(),
    )


def expected_jobs(uid: str, number: int) -> list[str]:
    """The names of the Jobs of an execution."""
    return [
        job_name("twelve", node, uid, attempt)
        for node, attempts in attempts_of(number).items()
        for attempt in range(1, attempts + 1)
    ]
