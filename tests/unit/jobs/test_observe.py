"""What a Job and its pods say of an attempt, in the words that a status shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.jobs.evidence import controlled, left_running
from orchestrator.jobs.observe import evident, observe
from orchestrator.jobs.pending import silent_node
from orchestrator.jobs.stop import DeletePod, PatchJob, PatchPod, plan_stop, stop_rest
from tests.builders import template

TASK = template(permanentExitCodes=[64])
STRICT = template(outputs=[{"name": "value", "type": "integer", "required": True}])


def job(condition: str = "", reason: str = "", **status: Any) -> dict[str, Any]:
    conditions = [{"type": condition, "status": "True", "reason": reason, "message": "because"}]
    return {
        "metadata": {"name": "flow-a-1", "uid": "j"},
        "status": {**({"conditions": conditions} if condition else {}), **status},
    }


def pod(phase: str, reason: str = "", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "flow-a-1-x", "creationTimestamp": "2026-01-31T12:00:00Z"},
        "spec": {"nodeName": "worker"},
        "status": {"phase": phase, **({"reason": reason} if reason else {}), **status},
    }


def action(**state: Any) -> dict[str, Any]:
    return {"name": "action", "image": "busybox:nope", "state": state}


def with_injected(raw: dict[str, Any], *, first: bool = True, **state: Any) -> dict[str, Any]:
    statuses = raw["status"]["containerStatuses"]
    statuses.insert(0 if first else len(statuses), {"name": "proxy", "state": state})
    return raw


def ended(
    phase: str, code: int, message: str = "", reason: str = "", pod_reason: str = ""
) -> dict[str, Any]:
    terminated = {
        "exitCode": code,
        "message": message,
        "reason": reason,
        "startedAt": "2026-01-31T12:00:00Z",
        "finishedAt": "2026-01-31T12:00:05Z",
    }
    return pod(phase, pod_reason, containerStatuses=[action(terminated=terminated)])


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(
        "Pending", containerStatuses=[action(waiting={"reason": reason, "message": message})]
    )


def seen(attempt: Attempt) -> tuple[str, str]:
    return attempt.state.value, attempt.reason


def test_a_succeeded_pod_wins_before_the_job_says_anything() -> None:
    attempt = observe(TASK, job(), [ended("Succeeded", 0, '{"value": 7}')])
    assert attempt.state is AttemptState.SUCCEEDED
    assert attempt.outputs == {"value": 7}
    assert attempt.finished_at is not None
    assert attempt.started_at is not None
    assert attempt.finished_at - attempt.started_at == 5


def test_the_end_of_the_action_needs_neither_phase_nor_verdict() -> None:
    attempt = observe(TASK, job(), [ended("Running", 0, '{"value": 7}')])
    assert seen(attempt) == ("Succeeded", "")
    assert attempt.outputs == {"value": 7}
    quick = ended("Pending", 0, '{"value": 8}')  # ended before the kubelet said that it runs
    assert observe(TASK, job(), [quick]).outputs == {"value": 8}


def test_a_failure_of_the_actions_own_needs_no_verdict_where_no_retry_depends_on_it() -> None:
    failed = ended("Running", 3)
    assert seen(observe(TASK, job(), [failed], disruption_matters=False)) == ("Failed", "Failed")
    assert observe(TASK, job(), [failed]).state is AttemptState.RUNNING
    assert seen(observe(TASK, job(), [ended("Failed", 3)])) == ("Failed", "Failed")


@pytest.mark.parametrize("code", [137, 143])
def test_a_signal_may_be_a_disruption_until_the_pod_has_failed(code: int) -> None:
    killed = ended("Running", code)
    assert observe(TASK, job(), [killed], disruption_matters=False).state is AttemptState.RUNNING
    assert seen(observe(TASK, job(), [ended("Failed", code)])) == ("Failed", "Failed")


def test_a_container_out_of_memory_was_not_disrupted() -> None:
    killed = ended("Running", 137, reason="OOMKilled")
    attempt = observe(TASK, job(), [killed], disruption_matters=False)
    assert "out of memory" in attempt.message


@pytest.mark.parametrize("phase", ["Running", "Failed"])
def test_a_failure_that_kubernetes_may_have_caused_waits_for_the_verdict(phase: str) -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    disrupted, deleted = ended(phase, 1), ended(phase, 1)
    disrupted["status"]["conditions"] = [target]
    deleted["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:30Z"
    for pod_ in (disrupted, deleted):
        for matters in (False, True):
            attempt = observe(TASK, job(), [pod_], disruption_matters=matters)
            assert attempt.state is AttemptState.RUNNING
    verdict = job("FailureTarget", "PodFailurePolicy")
    assert seen(observe(TASK, verdict, [disrupted])) == ("Failed", "Disrupted")


def test_a_pod_that_others_deleted_says_so() -> None:
    gone = ended("Failed", 143)
    gone["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:30Z"
    attempt = observe(TASK, job("Failed", "BackoffLimitExceeded"), [gone])
    assert seen(attempt) == ("Failed", "PodDeleted")
    assert "deleted by others" in attempt.message


def test_a_success_wins_over_a_pod_that_failed_for_an_injected_container() -> None:
    failed = with_injected(ended("Failed", 0, '{"value": 7}'), terminated={"exitCode": 3})
    verdict = job("Failed", "BackoffLimitExceeded")
    assert observe(TASK, verdict, [failed]).outputs == {"value": 7}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "injected",
    [
        {"running": {}},
        {"terminated": {"exitCode": 3, "message": '{"value": 1}'}},
        {"terminated": {"exitCode": 0, "message": '{"value": 1}'}},
        {"waiting": {"reason": "ImagePullBackOff"}},
    ],
)
def test_an_injected_container_is_never_read(injected: dict[str, Any], *, first: bool) -> None:
    good = with_injected(ended("Running", 0, '{"value": 7}'), first=first, **injected)
    assert observe(TASK, job(), [good]).outputs == {"value": 7}
    bad = with_injected(ended("Running", 5, "it broke"), first=first, **injected)
    attempt = observe(TASK, job(), [bad], disruption_matters=False)
    assert (attempt.exit_code, attempt.message) == (5, "it broke")
    running = with_injected(pod("Running", containerStatuses=[action(running={})]), **injected)
    assert observe(TASK, job(), [running]).state is AttemptState.RUNNING


def test_an_action_that_exits_with_0_at_its_deadline_was_cut_short() -> None:
    def cut(phase: str, reason: str = "") -> dict[str, Any]:
        pod_ = ended(phase, 0, pod_reason=reason)
        pod_["spec"]["activeDeadlineSeconds"] = 5
        pod_["status"]["startTime"] = "2026-01-31T12:00:00Z"
        return pod_

    assert observe(TASK, job(), [cut("Running")]).state is AttemptState.RUNNING
    assert seen(observe(TASK, job(), [cut("Failed", "DeadlineExceeded")])) == (
        "TimedOut",
        "TimedOut",
    )
    assert observe(TASK, job(), [cut("Succeeded")]).state is AttemptState.SUCCEEDED


def test_stopping_the_rest_of_a_pod_leaves_its_actions_success() -> None:
    left = with_injected(ended("Running", 0, '{"value": 7}'), running={})
    left["spec"]["activeDeadlineSeconds"] = 60
    left["status"]["startTime"] = "2026-01-31T12:00:00Z"
    assert left_running(left) == ["proxy"]
    step = stop_rest(left)
    assert step == PatchPod("flow-a-1-x", {"spec": {"activeDeadlineSeconds": 6}})
    stopped = with_injected(
        ended("Failed", 0, '{"value": 7}', pod_reason="DeadlineExceeded"),
        terminated={"exitCode": 137},
    )
    stopped["spec"] |= step.patch["spec"]
    stopped["status"]["startTime"] = "2026-01-31T12:00:00Z"
    verdict = job("Failed", "BackoffLimitExceeded")
    assert observe(TASK, verdict, [stopped]).outputs == {"value": 7}
    assert left_running(stopped) == []


def test_nothing_is_left_running_beside_a_native_sidecar() -> None:
    native = ended("Running", 0)
    native["status"]["initContainerStatuses"] = [{"name": "proxy", "state": {"running": {}}}]
    assert left_running(native) == []


@pytest.mark.parametrize(
    ("message", "words"),
    [("", "exit code 3"), ("no such service", "no such service"), ('{"a": 1}', "exit code 3")],
)
def test_a_failures_message_is_the_sentence_it_left_or_its_exit_code(
    message: str, words: str
) -> None:
    attempt = observe(TASK, job("Failed", "BackoffLimitExceeded"), [ended("Failed", 3, message)])
    assert attempt.message == words
    assert attempt.exit_code == 3
    assert not attempt.permanent


def test_a_permanent_exit_code_is_marked() -> None:
    assert observe(TASK, job("Failed"), [ended("Failed", 64)]).permanent


def test_out_of_memory_is_said_in_words() -> None:
    attempt = observe(TASK, job("Failed"), [ended("Failed", 137, reason="OOMKilled")])
    assert "out of memory" in attempt.message


def test_a_pods_own_deadline_is_a_timeout() -> None:
    late = ended("Failed", 143, pod_reason="DeadlineExceeded")
    assert seen(observe(TASK, job("Failed", "BackoffLimitExceeded"), [late])) == (
        "TimedOut",
        "TimedOut",
    )


def test_a_pod_that_never_started_says_why() -> None:
    attempt = observe(
        TASK, job("Failed", "DeadlineExceeded"), [waiting("ImagePullBackOff", "not found")]
    )
    assert seen(attempt) == ("Failed", "ImagePull")
    assert "busybox:nope" in attempt.message


def test_of_a_running_pod_whose_cluster_node_does_not_report_the_status_says_so() -> None:
    silent = pod("Running", containerStatuses=[action(running={})], silentNode="worker")
    attempt = observe(TASK, job(active=1, ready=0), [silent])
    assert seen(attempt) == ("Running", "NodeNotReady")
    assert "kubectl describe node worker" in attempt.message
    # The Job knows of the return of the cluster node before the pods are listed again.
    assert seen(observe(TASK, job(active=1, ready=1), [silent])) == ("Running", "")


@pytest.mark.parametrize(
    ("ready", "containers", "name"),
    [
        ("False", "True", "worker"),
        ("False", "False", ""),  # a container that an admission webhook added is not ready
        ("True", "True", ""),
        ("Unknown", "Unknown", ""),
    ],
)
def test_a_cluster_node_that_does_not_report_is_known_by_its_pods_conditions(
    ready: str, containers: str, name: str
) -> None:
    conditions = [
        {"type": "Ready", "status": ready},
        {"type": "ContainersReady", "status": containers},
    ]
    assert silent_node(pod("Running", conditions=conditions)) == name


def test_a_disruption_is_no_failure_of_the_action() -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    evicted = pod("Failed", conditions=[target])
    attempt = observe(TASK, job("FailureTarget", "PodFailurePolicy"), [evicted])
    assert seen(attempt) == ("Failed", "Disrupted")
    assert "EvictionByEvictionAPI" in attempt.message


@pytest.mark.parametrize(
    ("written", "reason", "words"),
    [
        ("not json", "OutputsInvalid", "not JSON"),
        ("[1]", "OutputsInvalid", "one JSON object"),
        ('{"other": 1}', "OutputsInvalid", "'other' is not declared"),
        ('{"value": "many"}', "OutputsInvalid", "output value must be an integer"),
        ("{}", "OutputsInvalid", "output value is required"),
        ("", "OutputsInvalid", "output value is required"),
        ('{"value": NaN}', "OutputsInvalid", "NaN"),
        ('{"value": 100000000000000000000}', "OutputsInvalid", "64 bits"),
        ('{"value": 1e999}', "OutputsInvalid", "too large"),
        ('{"value": "\\ud800"}', "OutputsInvalid", "not a JSON value"),
        ("[" * 4000, "OutputsInvalid", "nested too deeply"),
        ('{"items": ' + "[" * 99 + "]" * 99 + "}", "OutputsInvalid", "nested"),
        ('"' + "x" * 4095, "OutputsTooLarge", "4,096 bytes"),
    ],
)
def test_wrong_outputs_fail_the_node_and_say_which(written: str, reason: str, words: str) -> None:
    attempt = observe(STRICT, job(), [ended("Succeeded", 0, written)])
    assert seen(attempt) == ("Failed", reason)
    assert words in attempt.message
    assert attempt.permanent


def test_large_outputs_that_are_whole_are_taken() -> None:
    text = json.dumps({"items": ["x" * 4070]})
    assert observe(TASK, job(), [ended("Succeeded", 0, text)]).state is AttemptState.SUCCEEDED


def test_a_container_that_could_not_start_says_so() -> None:
    words = 'exec: "nope": executable file not found in $PATH'
    attempt = observe(TASK, job("Failed"), [ended("Failed", 128, words, "StartError")])
    assert attempt.message == f"the container could not start: {words}"


def test_a_pod_that_the_machine_refused_says_why() -> None:
    refused = pod("Failed", "OutOfcpu", message="Node didn't have enough resource: cpu")
    attempt = observe(TASK, job("Failed", "BackoffLimitExceeded"), [refused])
    assert seen(attempt) == ("Failed", "Failed")
    assert "enough resource" in attempt.message


def test_a_failed_pod_whose_job_is_gone_speaks_for_itself() -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    evicted = pod("Failed", conditions=[target])
    assert seen(observe(TASK, None, [evicted])) == ("Failed", "Disrupted")
    assert seen(observe(TASK, None, [ended("Failed", 3)])) == ("Failed", "Failed")


def test_a_disruption_whose_pod_is_gone_is_said_in_words() -> None:
    attempt = observe(TASK, job("Failed", "PodFailurePolicy"), [])
    assert seen(attempt) == ("Failed", "Disrupted")
    assert attempt.message.startswith("the pod was disrupted: evicted")


def test_a_disruption_is_never_permanent_whatever_the_exit_code() -> None:
    attempt = observe(TASK, job("Failed", "PodFailurePolicy"), [ended("Failed", 64)])
    assert not attempt.permanent


def test_a_pod_last_seen_pending_is_no_evidence_of_an_end() -> None:
    stale = waiting("ContainerCreating")
    assert not evident([stale])
    assert evident([ended("Failed", 1)])
    attempt = observe(TASK, job("Failed", "BackoffLimitExceeded"), [stale])
    assert seen(attempt) == ("Failed", "PodDeleted")
    assert attempt.message == "the pod was deleted: because"


def test_a_pod_that_started_too_late_did_run() -> None:
    attempt = observe(TASK, job("Failed", "DeadlineExceeded"), [ended("Failed", 143)])
    assert seen(attempt) == ("TimedOut", "TimedOut")
    assert "since its Job started" in attempt.message


def test_a_complete_job_without_its_pod_lost_its_outputs_only_if_there_had_to_be_some() -> None:
    assert seen(observe(TASK, job("Complete"), [])) == ("Succeeded", "")
    assert seen(observe(STRICT, job("Complete"), [])) == ("Failed", "OutputsLost")


@pytest.mark.parametrize(
    ("unready", "reason", "words"),
    [
        (waiting("ErrImagePull", "manifest unknown"), "ImagePull", "manifest unknown"),
        (
            waiting("CreateContainerConfigError", 'secret "api" not found'),
            "SecretMissing",
            "Secret api is missing: kubectl",
        ),
        (
            pod(
                "Pending",
                conditions=[
                    {"type": "PodScheduled", "status": "False", "message": "0/1 nodes available"}
                ],
            ),
            "Unschedulable",
            "0/1 nodes",
        ),
    ],
)
def test_a_pod_that_cannot_start_says_why_while_it_is_waited_for(
    unready: dict[str, Any], reason: str, words: str
) -> None:
    attempt = observe(TASK, job(active=1), [unready])
    assert seen(attempt) == ("Pending", reason)
    assert words in attempt.message


def test_a_job_whose_pod_is_refused_says_so() -> None:
    attempt = observe(TASK, job(), [], [{"message": 'pods "x" is forbidden: violates'}])
    assert seen(attempt) == ("Pending", "PodRefused")
    assert "forbidden" in attempt.message


def test_a_ready_pod_is_running() -> None:
    assert observe(TASK, job(active=1, ready=1), []).state is AttemptState.RUNNING


def test_stopping_gently_keeps_pods_that_run_and_their_logs() -> None:
    assert plan_stop("flow-a-1", [pod("Running")], force=False) == [PatchPod("flow-a-1-x")]


def test_stopping_what_has_no_machine_ends_the_job() -> None:
    unscheduled = {**pod("Pending"), "spec": {}}
    assert plan_stop("flow-a-1", [unscheduled], force=False) == [PatchJob("flow-a-1")]
    assert plan_stop("flow-a-1", [], force=False) == [PatchJob("flow-a-1")]


def test_stopping_by_force_deletes_what_still_runs() -> None:
    steps = plan_stop("flow-a-1", [pod("Running"), ended("Succeeded", 0)], force=True)
    assert steps == [PatchJob("flow-a-1"), DeletePod("flow-a-1-x")]


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_what_has_ended_is_left_alone(phase: str) -> None:
    assert plan_stop("flow-a-1", [ended(phase, 0)], force=False) == []


def test_no_pod_is_controlled_by_a_job_whose_uid_is_unknown() -> None:
    forged = pod("Succeeded")
    owned = pod("Succeeded")
    owned["metadata"]["ownerReferences"] = [{"kind": "Job", "uid": "1", "controller": True}]
    assert controlled([forged, owned], "") == []
    assert controlled([forged, owned], "1") == [owned]
