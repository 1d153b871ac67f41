"""`trigger`: run by hand, suspended, resumed, backfilled, tested, and when it fires next."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.triggers.plan import execution_name
from tests.unit.cli.conftest import CliEnvironment

SPEC: dict[str, Any] = {
    "variables": [{"name": "when", "type": "string", "default": ""}],
    "nodes": [{"name": "a", "transform": {"x": "vars.when"}}],
}
NIGHTLY: dict[str, Any] = {
    "workflow": "w",
    "schedule": {"cron": "30 3 * * *", "timeZone": "Europe/Berlin"},
    "variables": {"when": "$[[ event.scheduledAt ]]"},
}
AFTER: dict[str, Any] = {
    "workflow": "w",
    "execution": {"workflow": "build"},
    "variables": {"when": "$[[ event.name ]]"},
    "filter": "event.name != 'skip'",
}


@pytest.fixture
def env(env: CliEnvironment, monkeypatch: pytest.MonkeyPatch) -> CliEnvironment:
    for module in ("triggering", "backfilling", "trigger_testing"):
        monkeypatch.setattr(f"orchestrator.cli.{module}.now", lambda: 1_800_000_000.0)
    env.put("Workflow", "w", spec=SPEC)
    env.put("Trigger", "nightly", spec=NIGHTLY)
    env.put("Trigger", "after", spec=AFTER)
    for name, workflow in (("build-1", "build"), ("skip", "build"), ("other", "v")):
        status = {"phase": "Succeeded", "finishedAt": "2027-01-15T08:00:00.000Z"}
        env.put("WorkflowExecution", name, spec={"workflow": workflow}, status=status)
    return env


def started(env: CliEnvironment) -> list[dict[str, Any]]:
    items = [raw for key, raw in env.server.objects.items() if key[0] == "workflowexecutions"]
    return [raw["spec"] for raw in items if raw["spec"]["workflow"] == "w"]


def test_a_schedule_is_run_with_its_next_slot(env: CliEnvironment) -> None:
    assert env("trigger", "run", "nightly").code == 0
    assert started(env) == [
        {
            "workflow": "w",
            "variables": {"when": "2027-01-16T02:30:00.000Z"},
            "requester": "ana",
        }
    ]


def test_an_ended_execution_or_an_event_is_what_another_runs_with(env: CliEnvironment) -> None:
    assert env("trigger", "run", "after", "--of", "awfx/build-1").code == 0
    assert env("trigger", "run", "after", "--event", '{"name": "mine"}', "--dry-run").code == 0
    assert [spec["variables"] for spec in started(env)] == [{"when": "build-1"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("after",), "fires for an event: name an execution with --of, or give it with --event"),
        (("after", "--of", "other"), "other is not an execution that trigger/after fires for"),
        (("after", "--of", "skip"), "spec.filter of trigger/after does not hold"),
        (("after", "--event", "[]"), "--event: write a JSON object"),
        (("after", "--event", "{}"), "trigger/after: spec."),
        (("nightly", "--of", "build-1"), "--of: trigger/nightly does not fire for executions"),
        (("nihgtly",), "did you mean 'nightly'?"),
    ],
)
def test_what_the_trigger_would_not_start_is_refused(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    done = env("trigger", "run", *arguments)
    assert done.code == 2
    assert said in done.err
    assert started(env) == []


def test_triggers_are_suspended_and_resumed(env: CliEnvironment) -> None:
    assert env("trigger", "suspend", "nightly", "after").lines == [
        "trigger/nightly suspended",
        "trigger/after suspended",
    ]
    assert env.get("Trigger", "nightly")["spec"]["suspend"] is True
    assert env("trigger", "suspend", "nightly").out == "trigger/nightly is already suspended\n"
    assert env("trigger", "resume", "nightly").out == "trigger/nightly resumed\n"
    assert env.get("Trigger", "nightly")["spec"]["suspend"] is False
    assert env("trigger", "resume", "nightly").out == "trigger/nightly is not suspended\n"


def test_the_next_moments_are_those_of_the_schedule(env: CliEnvironment) -> None:
    header, first, second = env("trigger", "next", "nightly", "--count", "2").lines
    assert header.split() == ["TRIGGER", "NEXT", "LOCAL", "IN", "STATE"]
    assert first.split()[:2] == ["nightly", "2027-01-16T02:30:00Z"]
    assert first.split()[2:] == ["Sat", "16", "Jan", "03:30:00", "Europe/Berlin", "18h30m"]
    assert "2027-01-17T02:30:00Z" in second
    env("trigger", "suspend", "nightly")
    [_, only] = env("trigger", "next").lines
    assert only.endswith("suspended")
    assert "it fires when its event happens" in env("trigger", "next", "after").err


BACKFILL = ("trigger", "backfill", "nightly", "--from", "2027-01-10T00:00")


def test_a_backfill_starts_each_past_slot_once_under_the_triggers_own_name(
    env: CliEnvironment,
) -> None:
    done = env(*BACKFILL, "--to", "2027-01-13T00:00")
    assert [line.split()[:2] for line in done.lines[:3]] == [
        ["2027-01-10T02:30:00.000Z", "created"],
        ["2027-01-11T02:30:00.000Z", "created"],
        ["2027-01-12T02:30:00.000Z", "created"],
    ]
    assert done.lines[3] == "3 of 3 slots created"
    whens = [spec["variables"]["when"] for spec in started(env)]
    assert whens == [line.split()[0] for line in done.lines[:3]]
    assert {spec["requester"] for spec in started(env)} == {"ana"}
    again = env(*BACKFILL, "--to", "2027-01-14T00:00")
    assert [line.split()[1] for line in again.lines[:4]] == ["exists"] * 3 + ["created"]
    assert again.lines[4] == "1 of 4 slots created"
    names = [name for kind, _, name in env.server.objects if kind == "workflowexecutions"]
    uid = env.get("Trigger", "nightly")["metadata"]["uid"]
    slot = datetime(2027, 1, 10, 2, 30, tzinfo=UTC).timestamp()
    assert execution_name("nightly", uid, f"{slot:.0f}") in names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "2028-01-01T00:00"), "--to: 2027-12-31T23:00:00.000Z is not in the past"),
        (("--to", "2027-01-01T00:00"), "--from: 2027-01-09T23:00:00.000Z is not before the end"),
        (("--to", "2027-01-10T01:00"), "--from: trigger/nightly has no slot in the period"),
        (("--to", "2027-01-14", "--limit", "2"), "--limit: the period has more than 2 slots; end"),
        (("--to", "tomorrow"), "--to: write a time such as 2026-11-01T00:00"),
    ],
)
def test_a_period_that_cannot_be_backfilled_is_refused(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    done = env(*BACKFILL, *arguments)
    assert (done.code, started(env)) == (2, [])
    assert said in done.err


def test_only_a_schedule_has_slots_to_backfill(env: CliEnvironment) -> None:
    done = env("trigger", "backfill", "after", "--from", "2027-01-10", "--to", "2027-01-11")
    assert done.code == 2
    assert "trigger/after has no schedule, so it has no slots" in done.err


def test_a_dry_run_of_a_backfill_creates_nothing(env: CliEnvironment) -> None:
    done = env(*BACKFILL, "--to", "2027-01-13T00:00", "--dry-run")
    assert done.lines[3] == "3 of 3 slots created (dry run)"
    assert started(env) == []


def test_the_recorded_event_of_an_execution_is_replayed(env: CliEnvironment) -> None:
    uid = env.get("Trigger", "after")["metadata"]["uid"]
    trigger = {"type": "execution", "name": "after", "uid": uid, "event": {"name": "build-7"}}
    env.put("WorkflowExecution", "made", spec={"workflow": "v", "trigger": trigger})
    assert env("trigger", "run", "after", "--replay", "made").code == 0
    assert [spec["variables"] for spec in started(env)] == [{"when": "build-7"}]
    refused = env("trigger", "run", "nightly", "--replay", "made")
    assert refused.code == 2
    assert "--replay: trigger/nightly did not start made" in refused.err


MANIFEST = """
apiVersion: automation.itechsmart.dev/v1alpha1
kind: Trigger
metadata: {{name: {name}}}
spec: {spec}
"""
WORKFLOW = MANIFEST.replace("Trigger", "Workflow")
EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"


def file_of(folder: Path, name: str, spec: dict[str, Any]) -> str:
    path = folder / "trigger.yaml"
    path.write_text(MANIFEST.format(name=name, spec=json.dumps(spec)))
    return str(path)


def event_of(folder: Path, event: object) -> str:
    path = folder / "event.json"
    path.write_text(json.dumps(event))
    return str(path)


def test_a_trigger_is_tested_with_an_event(env: CliEnvironment, tmp_path: Path) -> None:
    file, event = file_of(tmp_path, "after", AFTER), event_of(tmp_path, {"name": "build-9"})
    done = env("trigger", "test", file, "--event", event)
    assert done.code == 0
    assert done.lines[0] == "trigger/after would start workflow/w"
    assert done.lines[1].startswith("  execution: after-")
    assert done.lines[2:] == ["  variables:", "    when: build-9"]
    assert started(env) == []


def test_a_schedule_is_tested_with_its_next_slot_before_it_is_applied(
    env: CliEnvironment, tmp_path: Path
) -> None:
    done = env("trigger", "test", file_of(tmp_path, "new", NIGHTLY))
    assert done.code == 0
    assert done.lines[1] == "  execution: named by the uid that the Trigger gets when it is applied"
    assert "when: '2027-01-16T02:30:00.000Z'" in done.out


@pytest.mark.parametrize(
    ("change", "event", "code", "said"),
    [
        ({}, {"name": "skip"}, 1, "would not start workflow/w: spec.filter does not hold"),
        ({"suspend": True}, {"name": "x"}, 1, "would not start workflow/w: it is suspended"),
        ({"workflow": "ww"}, {"name": "x"}, 1, "there is no Workflow 'ww' in this namespace"),
        ({"variables": {"x": 1}}, {"name": "x"}, 1, "spec.variables"),
        ({}, {"nmae": "x"}, 2, "an event has no field 'nmae'; did you mean 'name'?"),
        ({}, {}, 2, "trigger/after: spec.filter: "),
        ({"filter": "evnt.x"}, {"name": "x"}, 2, "spec.filter: there is no 'evnt'"),
    ],
)
def test_why_nothing_would_start_is_said(
    env: CliEnvironment, tmp_path: Path, change: dict[str, Any], event: object, code: int, said: str
) -> None:
    file = file_of(tmp_path, "after", {**AFTER, **change})
    done = env("trigger", "test", file, "--event", event_of(tmp_path, event))
    assert done.code == code, done.err
    assert said in done.out + done.err


def test_without_an_event_a_sample_is_tested(env: CliEnvironment, tmp_path: Path) -> None:
    done = env("trigger", "test", file_of(tmp_path, "after", AFTER))
    assert done.code == 0
    assert "    when: build-sample" in done.lines


UNKNOWN = {
    "trigger-api-endpoint": "body.service: is required",
    "trigger-event": "event.data has no key 'order'",
    "trigger-execution": "event.outputs has no key 'image'",
    "trigger-manual": "give it as JSON with --event FILE",
    "trigger-resource": "event.labels has no key 'deployment'",
    "trigger-webhook": "event.body has no key 'ref'",
}
"""What the samples of these examples lack."""
TRIGGERS = [
    (path.stem, raw)
    for path in sorted(EXAMPLES.glob("trigger-*.yaml"))
    for raw in yaml.safe_load_all(path.read_text())
    if raw["kind"] == "Trigger"
]


@pytest.mark.parametrize(("example", "raw"), TRIGGERS, ids=[name for name, _ in TRIGGERS])
def test_examples_are_tried_with_a_sample_unless_they_read_what_only_their_senders_know(
    env: CliEnvironment, example: str, raw: dict[str, Any]
) -> None:
    name = raw["metadata"]["name"]
    file = str(EXAMPLES / f"{example}.yaml")
    done = env("trigger", "test", file, "--name", name, "--offline")
    if example in UNKNOWN:
        assert (done.code, UNKNOWN[example] in done.err) == (2, True), done.err
    else:
        assert done.code in (0, 1), done.err
        assert f"trigger/{name} would" in done.out
    if example not in ("trigger-schedule", "trigger-manual"):
        assert "tested with a sample: give" in done.err


def test_an_invalid_workflow_in_the_file_is_reported_as_by_lint(
    env: CliEnvironment, tmp_path: Path
) -> None:
    """One with the same name on the cluster is valid."""
    file = Path(file_of(tmp_path, "after", AFTER))
    edges = [{"from": "a", "to": "b"}]
    spec = json.dumps({**SPEC, "edges": edges})
    file.write_text(f"{file.read_text()}\n---\n{WORKFLOW.format(name='w', spec=spec)}")
    done = env("trigger", "test", str(file))
    assert done.code == 2
    assert "document 2: Workflow w: spec.edges[0].to: there is no node 'b'" in done.err
    assert "would start" not in done.out
    other = Path(file_of(tmp_path, "after", AFTER))
    other.write_text(f"{other.read_text()}\n---\n{WORKFLOW.format(name='v', spec=spec)}")
    assert env("trigger", "test", str(other)).code == 0


def test_an_event_is_needed_where_there_is_no_sample(env: CliEnvironment, tmp_path: Path) -> None:
    done = env("trigger", "test", file_of(tmp_path, "by-hand", MANUAL))
    assert done.code == 2
    assert "give it as JSON with --event FILE" in done.err
    missing = env("trigger", "test", file_of(tmp_path, "after", AFTER), "--event", "/no/such")
    assert (missing.code, "--event: /no/such: No such file" in missing.err) == (2, True)


MANUAL: dict[str, Any] = {
    "workflow": "w",
    "manual": {
        "inputs": {
            "required": ["number"],
            "additionalProperties": False,
            "properties": {"number": {"type": "integer"}, "note": {"type": "string"}},
        }
    },
    "variables": {"when": "$[[ event.inputs.number ]] of $[[ event.requestId ]]"},
}


def test_a_person_starts_a_manual_trigger_with_inputs_once_for_a_request(
    env: CliEnvironment,
) -> None:
    env.put("Trigger", "by-hand", spec=MANUAL)
    command = ("trigger", "run", "by-hand", "--input", "number=3", "--request-id", "change-1")
    assert env(*command).code == 0
    (spec,) = started(env)
    assert spec["variables"] == {"when": "3 of change-1"}
    assert spec["requester"] == "ana"
    assert "trigger" not in spec, "only the operator sets it"
    again = env(*command)
    assert again.code == 5
    assert "request change-1 of trigger/by-hand was made before, by ana: " in again.err
    assert len(started(env)) == 1
    assert env(*command[:-1], "change-2").code == 0
    assert env("trigger", "run", "by-hand", "--inputs", '{"number": 4}').code == 0
    assert env("trigger", "run", "by-hand", "--inputs", '{"number": 4}').code == 0
    assert len(started(env)) == 4


def test_any_trigger_is_run_once_for_a_request(env: CliEnvironment) -> None:
    for code in (0, 5):
        command = ("trigger", "run", "nightly", "--request-id", "night-1")
        assert env(*command).code == code
    assert len(started(env)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "number: is required"),
        (("--input", "number=three"), "integer expected, such as number=3"),
        (("--inputs", "[]"), "--inputs: write a JSON object"),
        (("--inputs", '{"number": 1, "x": 1}'), "is not an input"),
        (("--input", "number=3", "--request-id", ""), "--request-id: write 1 to 128"),
    ],
)
def test_inputs_that_the_schema_refuses_start_nothing(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    env.put("Trigger", "by-hand", spec=MANUAL)
    done = env("trigger", "run", "by-hand", *arguments)
    assert done.code == 2
    assert said in done.err
    assert started(env) == []


def test_inputs_are_for_manual_triggers(env: CliEnvironment) -> None:
    done = env("trigger", "run", "nightly", "--input", "number=3")
    assert "trigger/nightly is not of type manual" in done.err
