"""The Job of an attempt: restricted, named for its attempt, and no value ever becomes code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.trace_context import execution_trace
from orchestrator.expressions import SecretValue
from orchestrator.jobs.build import ExecutionIdentity, JobRefused, NodeJob, build_job
from orchestrator.jobs.context import node_and_attempt
from orchestrator.jobs.names import job_name
from orchestrator.jobs.observe import is_ours
from orchestrator.kube.cache import execution_of
from orchestrator.models.pod import PodSettings
from tests.builders import IMAGE, template

EXECUTION = ExecutionIdentity("run-1", "shop", "7f3c", "flow", {"name": "run-1"})


def built(
    parameters: dict[str, Any] | None = None,
    pod: PodSettings | None = None,
    *,
    attempt: int = 1,
    **action: Any,
) -> dict[str, Any]:
    job = NodeJob("check_", attempt, 0, parameters or {}, timeout_seconds=90)
    spec = template(action={"args": ["action", "task"], **action})
    return build_job(spec, job, EXECUTION, pod, IMAGE)


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = pod_of(job)["containers"][0]
    return first


def env_of(job: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container_of(job)["env"]}


def seen_by_process(value: str) -> str:
    """What the kubelet makes of a literal without `$(NAME)` in it."""
    return value.replace("$$", "$")


def test_a_name_is_readable_unique_and_a_dns_label() -> None:
    name = job_name("restart-unhealthy-service", "check_Db", "uid", 1)
    assert name.startswith("restart-unhealthy-check-db-")
    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    others = {
        job_name("restart-unhealthy-service", "check_Db", "uid", 2),
        job_name("restart-unhealthy-service", "check_db", "uid", 1),
        job_name("restart-unhealthy-service", "check_Db", "uid2", 1),
    }
    assert len(others | {name}) == 4


def test_the_same_attempt_has_the_same_name_for_ever() -> None:
    assert job_name("flow", "a", "uid", 1) == "flow-a-qyjkhibg22if5q4sfb4rffwpyu"


def test_one_pod_and_no_repetition_of_kubernetes_own() -> None:
    spec = built()["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["podFailurePolicy"]["rules"], "without it a pod is replaced while it still stops"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in spec


def test_the_timeout_is_the_pods_and_the_jobs_is_twice_that() -> None:
    job = built()
    assert pod_of(job)["activeDeadlineSeconds"] == 90
    assert job["spec"]["activeDeadlineSeconds"] == 180


def test_a_pod_is_restricted_and_has_no_token() -> None:
    job = built()
    pod, container = pod_of(job), container_of(job)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_named_service_account_brings_its_token() -> None:
    pod = pod_of(built(serviceAccountName="automation-runner"))
    assert pod["serviceAccountName"] == "automation-runner"
    assert pod["automountServiceAccountToken"] is True


def test_a_job_is_owned_by_its_execution_and_carries_only_our_labels() -> None:
    job = built()
    assert is_ours(job, EXECUTION)
    assert not is_ours(job, ExecutionIdentity("run-1", "shop", "other-uid", "flow"))
    assert job["metadata"]["annotations"]["automation.itechsmart.dev/node"] == "check_"
    uid = {"automation.itechsmart.dev/execution-uid": "7f3c"}
    assert job["metadata"]["labels"] == uid
    assert job["spec"]["template"]["metadata"] == {"labels": uid}
    assert execution_of(job) == ("shop", "run-1")


LEAN: dict[str, Any] = {"image": "busybox", "args": None, "command": ["true"], "volumes": []}


def test_a_container_is_given_nothing_that_it_cannot_use() -> None:
    job = built(**LEAN)
    assert set(env_of(job)) == {"OUTPUTS", "CONTEXT"}
    assert not {"volumes", "terminationGracePeriodSeconds"} & pod_of(job).keys()
    assert "volumeMounts" not in container_of(job)
    assert set(job["spec"]) == {
        "backoffLimit", "activeDeadlineSeconds", "podFailurePolicy", "template",
    }  # fmt: skip


@pytest.mark.parametrize(
    "action",
    [
        {"image": "busybox"},
        {**LEAN, "volumes": None},
        {**LEAN, "command": None, "script": {"source": "true"}},
        {**LEAN, "volumes": [{"name": "other", "mountPath": "/data", "emptyDir": {}}]},
    ],
)
def test_a_container_has_a_writable_tmp_and_its_home_there(action: dict[str, Any]) -> None:
    job = built(**action)
    assert "/tmp" in [mount["mountPath"] for mount in container_of(job)["volumeMounts"]]
    assert env_of(job)["HOME"] == "/tmp"


def test_context_says_which_attempt_of_which_work_it_is() -> None:
    job = built(attempt=3)
    assert json.loads(env_of(job)["CONTEXT"]) == {
        "namespace": "shop", "workflow": "flow", "execution": "run-1", "uid": "7f3c",
        "node": "check_", "iteration": 0, "index": None, "attempt": 3, "key": "7f3c/check_/0",
    }  # fmt: skip
    assert node_and_attempt({"spec": pod_of(job)}) == ("check_", 3)


def test_a_templates_environment_takes_single_parts_of_the_context() -> None:
    parts = (
        "node.name", "node.attempt", "node.iteration", "node.key", "execution.name",
        "workflow.name", "workflow.namespace",
    )  # fmt: skip
    names = [part.replace(".", "_") for part in parts]
    env = [
        {"name": name, "value": f"$[[ {part} ]]"} for name, part in zip(names, parts, strict=True)
    ]
    job = built(env=env)
    assert [env_of(job)[name] for name in names] == [
        "check_", "1", "0", "7f3c/check_/0", "run-1", "flow", "shop",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", '{"node": "a"}', '{"attempt": "many"}', "[" * 100_000,
        '{"node": "a", "attempt": Infinity}', '{"node": "a", "attempt": 1e400}',
        '{"node": "a", "attempt": 99999999999}', '{"node": "a\\u001b[2J", "attempt": 1}',
        '{"node": "a\\nb", "attempt": 1}',
    ],
)  # fmt: skip
def test_a_pod_that_others_made_names_no_node(text: str) -> None:
    container = {"name": "action", "env": [{"name": "CONTEXT", "value": text}]}
    assert node_and_attempt({"spec": {"containers": [container]}}) == ("", 1)
    assert node_and_attempt({"spec": {}}) == ("", 1)


SHIPPED: dict[str, Any] = {"args": None, "command": ["orchestrator", "action", "http-request"]}


def test_an_action_of_the_runner_reads_its_parameters_from_one_variable() -> None:
    parameters = {"text": "x", "password": SecretValue("api", "token")}
    env = env_of(built(parameters, **SHIPPED))
    assert json.loads(env["PARAMS"]) == {"text": "x"}
    assert {name for name in env if name.startswith("PARAM_")} == {"PARAM_PASSWORD"}


@pytest.mark.parametrize(
    "action",
    [
        {**SHIPPED, "image": "mine:1"},
        {**SHIPPED, "args": ["$(PARAM_TEXT)"]},
        {**SHIPPED, "env": [{"name": "URL", "value": "http://$(PARAM_TEXT)"}]},
        {**SHIPPED, "command": ["sh", "-c", "orchestrator action http-request"]},
    ],
)
def test_whatever_may_read_single_parameters_is_given_them(action: dict[str, Any]) -> None:
    assert "PARAM_TEXT" in env_of(built({"text": "x"}, **action))


def test_parameters_arrive_as_environment_with_dollars_that_stay_dollars() -> None:
    hostile = 'a"b\n$(SECRET) $HOME `id` $$ $[[ x ]]'
    env = env_of(built({"text": hostile, "count": 3}))
    assert seen_by_process(env["PARAM_TEXT"]) == hostile
    assert "$(SECRET)" not in env["PARAM_TEXT"].replace("$$", "")
    assert json.loads(seen_by_process(env["PARAMS"])) == {"text": hostile, "count": 3}


def test_a_secret_is_a_reference_and_never_a_value() -> None:
    job = built({"password": SecretValue("api", "token"), "text": "x"})
    entry = next(item for item in container_of(job)["env"] if item["name"] == "PARAM_PASSWORD")
    assert entry["valueFrom"] == {"secretKeyRef": {"name": "api", "key": "token"}}
    assert json.loads(env_of(job)["PARAMS"]) == {"text": "x"}


def test_a_secret_inside_an_argument_is_refused() -> None:
    with pytest.raises(JobRefused, match=r"spec\.action\.args\[0\]"):
        built({"password": SecretValue("api", "token")}, args=["--password=$[[ params.password ]]"])


def test_rendered_arguments_stay_in_their_field_and_written_ones_are_left_alone() -> None:
    job = built({"text": "$(PARAMS) ; rm"}, args=["$[[ params.text ]]", "$(PARAM_TEXT)"])
    assert container_of(job)["args"] == ["$$(PARAMS) ; rm", "$(PARAM_TEXT)"]


def test_a_script_is_given_to_its_interpreter_as_a_file() -> None:
    source = "print('$(x) $HOME \"q\"')\n"
    job = built(args=None, script={"interpreter": "python3 -u", "source": source})
    assert container_of(job)["command"][-2:] == ["python3", "-u"]
    assert source not in " ".join(container_of(job)["command"])
    assert seen_by_process(env_of(job)["SCRIPT_SOURCE"]) == source


def test_the_runner_image_is_the_default() -> None:
    assert container_of(built())["image"] == IMAGE
    assert container_of(built(image="busybox:1"))["image"] == "busybox:1"


def test_parameters_that_no_environment_takes_are_refused() -> None:
    with pytest.raises(JobRefused, match=r"122,880") as refused:
        built({"text": "x" * 125_000})
    assert refused.value.reason == "ParamsTooLarge"


@pytest.mark.parametrize("size", [65_000, 130_000])
def test_what_a_process_cannot_take_is_refused_by_its_bytes(size: int) -> None:
    with pytest.raises(JobRefused, match=r"with\.text: .* bytes"):
        built({"text": "é" * size if size < 65_536 else "x" * size})


def test_a_script_longer_than_a_process_takes_is_refused() -> None:
    with pytest.raises(JobRefused, match=r"spec\.action\.script\.source: 131,072 bytes"):
        built(args=None, script={"source": "é" * 65_536})


def test_a_job_larger_than_etcd_takes_is_refused() -> None:
    with pytest.raises(JobRefused, match="a Job takes 1,048,576 at most"):
        built({"text": "x" * 60_000}, args=["$[[ params.text ]]"] * 20)


@pytest.mark.parametrize("interpreter", ["python3 'open", "   "])
def test_an_interpreter_that_is_none_is_refused(interpreter: str) -> None:
    with pytest.raises(JobRefused, match=r"spec\.action\.script\.interpreter: "):
        built(args=None, script={"interpreter": interpreter, "source": "x"})


@pytest.mark.parametrize(
    "image",
    [
        "busybox",
        "ghcr.io/itechsmart/workflow:0.1.0",
        "localhost:5000/a/b_c/d__e/f---g:v1.2-rc_3",
        "[2001:db8::1]:5000/tool",
        f"busybox@sha256:{'a' * 64}",
        f"r.example.com/tool:1@sha256:{'0' * 64}",
    ],
)
def test_image_references_are_taken(image: str) -> None:
    assert container_of(built(image=image))["image"] == image


@pytest.mark.parametrize(
    "image",
    ["", "Busybox", "https://ghcr.io/tool", "busybox:a:b", " busybox", "tool:", "a//b", "tool\n"],
)
def test_what_is_no_image_is_refused_before_there_is_a_job(image: str) -> None:
    with pytest.raises(JobRefused, match=r"spec\.action\.image: ") as refused:
        built({"text": image}, image="$[[ params.text ]]")
    assert refused.value.reason == "ImagePull"


def test_a_templates_own_environment_reaches_the_parameters() -> None:
    job = built({"text": "x"}, env=[{"name": "URL", "value": "http://$(PARAM_TEXT)"}])
    names = [item["name"] for item in container_of(job)["env"]]
    assert names.index("PARAM_TEXT") < names.index("URL")
    assert env_of(job)["URL"] == "http://$(PARAM_TEXT)"


def test_a_nul_is_refused_by_name() -> None:
    with pytest.raises(JobRefused, match=r"with\.text: must not contain a NUL"):
        built({"text": "a\0b"})


def test_the_workflows_pod_settings_apply_and_ours_win() -> None:
    pod = PodSettings.model_validate(
        {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "labels": {"team": "sre"},
            "annotations": {"note": "x"},
        }
    )
    job = built(pod=pod)
    assert pod_of(job)["nodeSelector"] == {"disk": "ssd"}
    assert pod_of(job)["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    metadata = job["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "sre"
    assert metadata["annotations"]["note"] == "x"
    assert metadata["labels"]["automation.itechsmart.dev/execution-uid"] == "7f3c"


def test_volumes_of_the_allowed_types_are_mounted_beside_a_writable_tmp() -> None:
    volume = {"name": "data", "mountPath": "/data", "persistentVolumeClaim": {"claimName": "c"}}
    job = built(volumes=[volume])
    assert pod_of(job)["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "automation-tmp", "emptyDir": {}},
    ]
    assert [mount["mountPath"] for mount in container_of(job)["volumeMounts"]] == ["/data", "/tmp"]
    assert pod_of(job)["securityContext"]["fsGroup"] == 65532


def test_an_action_continues_the_trace_of_its_execution_if_there_is_tracing() -> None:
    assert "TRACEPARENT" not in env_of(built())
    trace = execution_trace({"uid": "7f3c"})
    job = NodeJob("check_", 2, 0, {}, timeout_seconds=90)
    identity = replace(EXECUTION, trace=trace)
    env = env_of(build_job(template(action={}), job, identity, None, IMAGE))
    assert env["TRACEPARENT"] == str(trace.node("check_"))
