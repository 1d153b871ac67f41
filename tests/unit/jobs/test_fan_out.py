"""A fan-out's Job and items: one Job whatever the count, and no value ever becomes code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.actions.main import read_parameters
from orchestrator.actions.registry import every
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import format_ranges, parse_ranges
from orchestrator.expressions import SecretValue
from orchestrator.jobs.build import ExecutionIdentity, JobRefused
from orchestrator.jobs.context import INDEX
from orchestrator.jobs.fan_out import FanOut, FanOutJob, build_fan_out
from orchestrator.jobs.fan_out_status import gather, index_of, observe_fan_out, why_failed
from orchestrator.jobs.items import MAX_SHARD
from orchestrator.jobs.outputs import OutputsProblem
from tests.builders import IMAGE, template

EXECUTION = ExecutionIdentity("run-1", "shop", "7f3c", "flow", {"name": "run-1"})
SHOW = 'printf "%s" "$PARAM_TEXT" > "$TO"; printf "%s" "$PARAMS" > "$TO.params"'


def fanned(items: list[dict[str, Any]], **fields: Any) -> FanOut:
    job: dict[str, Any] = {
        "item_timeout": 60,
        "timeout": None,
        "parallelism": 10,
        "max_failed": 0,
        "retries": 0,
        "replace_disrupted": False,
    }
    codes = fields.pop("permanentExitCodes", [])
    for name in list(fields):
        if name in job:
            job[name] = fields.pop(name)
    spec = template(action=fields or {"args": ["action", "task"]}, permanentExitCodes=codes)
    wanted = FanOutJob("tell", 1, items, **job)
    return build_fan_out(spec, wanted, EXECUTION, None, IMAGE)


def container_of(fan_out: FanOut) -> dict[str, Any]:
    found: dict[str, Any] = fan_out.job["spec"]["template"]["spec"]["containers"][0]
    return found


def mounted(fan_out: FanOut, directory: Path) -> Path:
    """The items as the kubelet mounts them."""
    directory.mkdir(exist_ok=True)
    for item in fan_out.config_maps:
        for name, text in item["data"].items():
            (directory / name).write_text(text)
    return directory


def run_item(fan_out: FanOut, index: int, folder: Path, shell: str = "sh") -> tuple[str, str]:
    """What an item's process sees: $PARAM_TEXT and $PARAMS, byte for byte."""
    container = container_of(fan_out)
    words = [word.replace("$$", "$") for word in container["command"]]
    words += container.get("args", [])
    env = {
        "PATH": os.environ["PATH"],
        "JOB_COMPLETION_INDEX": str(index),
        "PARAMS_DIR": str(mounted(fan_out, folder / "items")),
        "PARAMS_PER_FILE": "100",
        "TO": str(folder / "seen"),
    }
    done = subprocess.run([shell, *words[1:]], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return (folder / "seen").read_bytes().decode(), (folder / "seen.params").read_text()


NASTY = [
    "plain",
    "",
    "two\nlines\n\n",
    "tab\tand\\backslash \\n \\0 \\c",
    "'single' \"double\" `id` $(id) ${HOME} $HOME $$",
    "=x=y +=z",
    "percent %s %d %%",
    "* ? [a-z] ~ ! # & ; | < >",
    "ünïcödé ✓ 漢字 \u0081\u0088",
    "-n -e --",
    "\r\x01\x7f",
    "x" * 100_000,
]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_every_value_arrives_as_it_was_under_every_shell(shell: str, tmp_path: Path) -> None:
    fan_out = fanned([{"text": text} for text in NASTY], command=["sh", "-c", SHOW])
    for index, text in enumerate(NASTY):
        seen, params = run_item(fan_out, index, tmp_path, shell)
        assert seen == text
        assert json.loads(params) == {"text": text}


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_text_arrives_as_it_was(text: str) -> None:
    folder = Path(f"/tmp/fan-out-{os.getpid()}")
    folder.mkdir(exist_ok=True)
    try:
        fan_out = fanned([{"text": "other"}, {"text": text}], command=["sh", "-c", SHOW])
        assert run_item(fan_out, 1, folder)[0] == text
    finally:
        shutil.rmtree(folder)


def test_context_has_the_index_of_each_pod_with_and_without_the_shim() -> None:
    """The kubelet expands a reference to a variable that comes before."""
    for action in ({"command": ["true"]}, {"args": None, "command": None}):
        (index, context) = [
            item
            for item in container_of(fanned([{}, {}], **action))["env"]
            if item["name"] in ("JOB_COMPLETION_INDEX", "CONTEXT")
        ]
        assert "annotations" in index["valueFrom"]["fieldRef"]["fieldPath"]
        parts = json.loads(context["value"].replace("$(JOB_COMPLETION_INDEX)", "7"))
        assert (parts["index"], parts["key"]) == (7, "7f3c/tell/0/7")


def test_a_key_in_a_templates_environment_is_each_items_own(tmp_path: Path) -> None:
    fan_out = fanned(
        [{"text": "a"}, {"text": "b"}],
        command=["sh", "-c", 'printf "%s" "$KEY" > "$TO"; : > "$TO.params"'],
        env=[{"name": "KEY", "value": "$[[ node.key ]]"}],
    )
    assert [run_item(fan_out, index, tmp_path)[0] for index in (0, 1)] == [
        "7f3c/tell/0/0",
        "7f3c/tell/0/1",
    ]


def test_words_and_variables_that_depend_on_the_item_reach_its_process(tmp_path: Path) -> None:
    fan_out = fanned(
        [{"text": "a b"}, {"text": "$HOME 'c'"}],
        command=["sh", "-c", 'printf "%s|" "$@" > "$TO"; printf "%s" "$OWN" > "$TO.params"', "sh"],
        args=["same", "item-$[[ index ]]", "$[[ params.text ]]"],
        env=[{"name": "OWN", "value": "of $[[ params.text ]]"}, {"name": "SAME", "value": "x"}],
    )
    assert run_item(fan_out, 1, tmp_path) == ("same|item-1|$HOME 'c'|", "of $HOME 'c'")
    names = {item["name"] for item in container_of(fan_out)["env"]}
    assert "SAME" in names
    assert "OWN" not in names


def test_a_script_gets_the_items_parameters(tmp_path: Path) -> None:
    fan_out = fanned(
        [{"text": "one"}, {"text": "two"}], script={"interpreter": "sh", "source": SHOW}
    )
    source = next(
        item["value"] for item in container_of(fan_out)["env"] if item["name"] == "SCRIPT_SOURCE"
    )
    assert "two" not in source
    container = container_of(fan_out)
    words = [word.replace("$$", "$") for word in container["command"]]
    env = {
        "PATH": os.environ["PATH"],
        "JOB_COMPLETION_INDEX": "1",
        "PARAMS_DIR": str(mounted(fan_out, tmp_path / "items")),
        "PARAMS_PER_FILE": "100",
        "TO": str(tmp_path / "seen"),
        "SCRIPT_SOURCE": SHOW,
    }
    subprocess.run(words, env=env, check=True, timeout=60)
    assert (tmp_path / "seen").read_text() == "two"


def test_images_without_a_shell_read_json_lines(tmp_path: Path) -> None:
    fan_out = fanned([{"text": text} for text in NASTY])
    directory = mounted(fan_out, tmp_path / "items")
    lines = (directory / "items-0").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == NASTY
    assert "command" not in container_of(fan_out)


def test_the_runners_actions_read_their_item(tmp_path: Path) -> None:
    (tmp_path / "items-1").write_text("{}\n" * 5 + '{"url": "http://x/5"}\n')
    action = next(found for found in every() if found.name == "http-request")
    environ = {"PARAMS_DIR": str(tmp_path), "JOB_COMPLETION_INDEX": "105"}
    assert "http://x/5" in str(read_parameters(action, environ))


def test_one_indexed_job_carries_the_rules_of_the_node() -> None:
    fan_out = fanned(
        [{"text": str(i)} for i in range(250)],
        parallelism=25,
        max_failed=3,
        retries=2,
        replace_disrupted=True,
        permanentExitCodes=[64],
    )
    spec = fan_out.job["spec"]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", 250)
    assert (spec["parallelism"], spec["maxFailedIndexes"], spec["backoffLimitPerIndex"]) == (
        25, 3, 2,
    )  # fmt: skip
    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["FailIndex", "Ignore"]
    assert spec["activeDeadlineSeconds"] == 2 * 10 * 60 * 3
    assert sorted(fan_out.config_maps[0]["data"]) == ["items-0", "items-1", "items-2"]
    assert fan_out.config_maps[0]["immutable"] is True
    assert spec["template"]["spec"]["activeDeadlineSeconds"] == 60


def test_large_items_are_spread_and_too_large_ones_refused() -> None:
    large = [{"text": "x" * 6000} for _ in range(500)]
    fan_out = fanned(large, command=["sh"])
    assert len(fan_out.config_maps) > 3
    for item in fan_out.config_maps:
        assert sum(map(len, item["data"].values())) <= MAX_SHARD
    with pytest.raises(JobRefused) as caught:
        fanned([{"text": "x" * 5000} for _ in range(1000)], command=["sh"])
    assert caught.value.reason == "TooManyItems"
    with pytest.raises(JobRefused) as caught:
        fanned([{"text": "x"}] * 10_001)
    assert caught.value.reason == "TooManyItems"
    with pytest.raises(JobRefused) as caught:
        fanned([{"text": "x" * 130_000}], command=["sh"])
    assert caught.value.reason == "ParamsTooLarge"


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"image": "example.com/$[[ params.text ]]:1"}, "spec.action.image"),
        ({"args": ["--x", "$[[ params.text ]]"]}, "spec.action.args"),
        ({"args": ["x"], "env": [{"name": "E", "value": "$[[ index ]]"}]}, "spec.action.env"),
    ],
)
def test_what_cannot_depend_on_the_item_is_refused(action: dict[str, Any], words: str) -> None:
    with pytest.raises(JobRefused, match=words.replace(".", r"\.")):
        fanned([{"text": "a"}], **action)


def test_a_secret_is_the_same_for_all_items() -> None:
    secret = SecretValue("api", "token")
    fan_out = fanned([{"text": "a", "password": secret}, {"text": "b", "password": secret}])
    (entry,) = [e for e in container_of(fan_out)["env"] if e["name"] == "PARAM_PASSWORD"]
    assert entry["valueFrom"]["secretKeyRef"] == {"name": "api", "key": "token"}
    with pytest.raises(JobRefused, match="a secret cannot depend on the item"):
        fanned([{"password": secret}, {"password": SecretValue("api", "other")}])


@given(st.sets(st.integers(0, 300)))
def test_ranges_are_read_as_they_are_written(indexes: set[int]) -> None:
    assert parse_ranges(format_ranges(indexes)) == indexes
    assert format_ranges(range(9998)) == "0-9997"


def job(completed: str = "", failed: str = "", **condition: str) -> dict[str, Any]:
    status: dict[str, Any] = {"completedIndexes": completed, "failedIndexes": failed}
    if condition:
        status["conditions"] = [{"status": "True", **condition}]
    return {"metadata": {"name": "j"}, "status": status}


def pod(index: int, phase: str, message: str = "", code: int = 0) -> dict[str, Any]:
    state = {"terminated": {"message": message, "exitCode": code}}
    return {
        "metadata": {"labels": {"batch.kubernetes.io/job-completion-index": str(index)}},
        "status": {"phase": phase, "containerStatuses": [{"name": "action", "state": state}]},
    }


FAILED = {"type": "Failed", "reason": "FailedIndexes"}


def test_pods_that_succeeded_count_before_the_job_says_so() -> None:
    attempt = observe_fan_out(3, 0, job("0"), {1, 2}, "j")
    assert attempt.state is AttemptState.SUCCEEDED
    assert attempt.completed == "0-2"


def test_as_many_failed_items_as_allowed_are_a_success_whatever_the_condition_says() -> None:
    within = observe_fan_out(4, 1, job("0-2", "3", **FAILED), set(), "j")
    assert (within.state, within.failed) == (AttemptState.SUCCEEDED, "3")
    over = observe_fan_out(4, 0, job("0-2", "3", **FAILED), set(), "j")
    assert (over.state, over.reason) == (AttemptState.FAILED, "ItemsFailed")
    words = why_failed(over, [pod(3, "Failed", "no such channel", 1)])
    assert words == "1 of 4 items failed, 0 may; item 3: no such channel"


def test_a_fan_out_that_goes_on_says_how_far_it_is() -> None:
    attempt = observe_fan_out(10, 5, job("0-3", "4"), {5}, "j")
    assert attempt.state is AttemptState.RUNNING
    assert attempt.message == "5 of 10 items, 1 failed"


def test_a_deadline_is_a_timeout() -> None:
    late = observe_fan_out(4, 0, job("0", type="Failed", reason="DeadlineExceeded"), set(), "j")
    assert late.state is AttemptState.TIMED_OUT


def test_outputs_are_gathered_in_item_order_with_null_where_one_failed() -> None:
    pods = [pod(i, "Succeeded", json.dumps({"value": i * 10})) for i in (2, 0)]
    pods.append(pod(1, "Failed", "", 1))
    attempt = Attempt(AttemptState.SUCCEEDED, completed="0,2", failed="1")
    assert gather(template(), ["value"], 3, attempt, pods) == {"value": [0, None, 20]}
    assert index_of(pods[0]) == 2
    hostile = {"metadata": {"annotations": {INDEX: "9" * 5000}}}
    assert index_of(hostile) is None


def test_gathering_says_what_is_lost_wrong_or_too_large() -> None:
    attempt = Attempt(AttemptState.SUCCEEDED, completed="0-1")
    lost = gather(template(), ["value"], 2, attempt, [pod(0, "Succeeded", '{"value": 1}')])
    assert isinstance(lost, OutputsProblem)
    assert (lost.reason, "item 1" in lost.message) == ("OutputsLost", True)
    wrong = [pod(0, "Succeeded", '{"value": "x"}'), pod(1, "Succeeded", "{}")]
    invalid = gather(template(), ["value"], 2, attempt, wrong)
    assert isinstance(invalid, OutputsProblem)
    assert (invalid.reason, "item 0" in invalid.message) == ("OutputsInvalid", True)
    items = json.dumps({"items": ["x" * 3000]})
    many = [pod(i, "Succeeded", items) for i in range(20)]
    full = Attempt(AttemptState.SUCCEEDED, completed="0-19")
    large = gather(template(), ["items"], 20, full, many)
    assert isinstance(large, OutputsProblem)
    assert large.reason == "OutputsTooLarge"
