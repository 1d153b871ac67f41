"""`get` and `list`: what is selected, in which order, in which format."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.unit.cli.conftest import Place


@pytest.fixture
def place(place: Place) -> Place:
    for index, (name, phase) in enumerate(
        [("first", "Succeeded"), ("second", "Failed"), ("third", "Running"), ("fourth", "TimedOut")]
    ):
        place.put(
            "WorkflowExecution",
            name,
            metadata={
                "creationTimestamp": f"2027-01-15T0{index}:00:00Z",
                "labels": {"even": str(index % 2 == 0).lower()},
            },
            spec={"workflow": "w" if index else "v"},
            status={"phase": phase, "progress": f"{9 - index}/9"},
        )
    place.put("WorkflowExecution", "there", "shop", spec={"workflow": "w"})
    place.put("Workflow", "w", spec={"nodes": []})
    return place


def names(place: Place, *arguments: str) -> list[str]:
    done = place(*arguments, "-o", "name")
    assert done.code == 0, done.err
    return [line.partition("/")[2] for line in done.lines]


def test_one_object_several_and_several_kinds(place: Place) -> None:
    assert place("get", "awfx", "first").lines[1].startswith("first ")
    assert names(place, "get", "awfx", "second", "first") == ["second", "first"]
    assert names(place, "get", "awfx/first", "awf/w") == ["first", "w"]
    assert names(place, "get", "awf,awfx") == ["w", "first", "fourth", "second", "third"]
    assert place("get", "awf,awfx", "-o", "name").lines[0] == "workflow/w"
    printed = place("get", "awfx/first", "awf/w").out
    assert [table.split()[0] for table in printed.split("\n\n")] == ["NAME", "NAME"]


def test_the_newest_stands_for_its_name(place: Place) -> None:
    assert names(place, "get", "awfx", "@latest") == ["fourth"]
    assert names(place, "get", "awfx/@latest") == ["fourth"]
    place.server.objects.clear()
    done = place("get", "awfx", "@latest")
    assert (done.code, done.err) == (
        2,
        "error: there is no WorkflowExecution in namespace default\n",
    )


def test_labels_and_fields_select(place: Place) -> None:
    assert names(place, "get", "awfx", "-l", "even=true") == ["first", "third"]
    assert names(place, "get", "awfx", "--field-selector", "status.phase=Failed") == ["second"]
    assert "there" in place("get", "awfx", "-A").out
    done = place("get", "awfx", "-l", "even=maybe")
    assert done.out == "there are no workflowexecutions in namespace default that match\n"


def test_any_field_sorts(place: Place) -> None:
    assert names(place, "get", "awfx", "--sort-by", "{.status.progress}")[0] == "fourth"
    assert names(place, "get", "awfx", "--sort-by=.metadata.creationTimestamp") == [
        "first",
        "second",
        "third",
        "fourth",
    ]
    done = place("get", "awfx", "--sort-by", ".status.pahse")
    assert (done.code, done.err) == (
        2,
        "error: --sort-by .status.pahse: none of the objects has this field\n",
    )


def test_every_format(place: Place) -> None:
    path = "jsonpath={.status.phase}"
    assert place("get", "awfx", "first", "-o", path).out == "Succeeded"
    assert place("get", "awfx", "first", "-o=name").out == "workflowexecution/first\n"
    template = "jsonpath={range .items[*]}{.metadata.name} {end}"
    assert place("get", "awfx", "-l", "even=true", "-o", template).out == "first third "
    assert (
        json.loads(place("get", "awfx", "first", "-o", "json").out)["kind"] == "WorkflowExecution"
    )
    assert len(yaml.safe_load(place("get", "awf,awfx", "-o", "yaml").out)["items"]) == 5
    assert "REQUESTER" in place("get", "awfx", "-o", "wide").lines[0]
    wrong = place("get", "awfx", "-o", "table")
    assert wrong.err == "error: -o table: write json, yaml, name, wide or jsonpath=TEMPLATE\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "awfx", "first", "-A"), "-A selects from all objects; leave out first"),
        (("get", "awf,awfx", "x"), "x: write KIND/NAME where there are several kinds"),
        (("get", "awfx/first", "second"), "second: write KIND/NAME for each"),
        (("get", "awf,awfx", "-w"), "-w watches one kind"),
        (("get", "awfx", "frist"), "there is no WorkflowExecution frist in namespace default;"),
        (("get", "awfx", "-o", "jsonpath"), "write a template"),
        (("explain", "awf/w"), "awf/w names no WorkflowExecution"),
        (("list", "--status", "Faild"), "there is no such phase; did you mean 'Failed'?"),
        (("list", "--since", "soon"), "--since soon: not a duration"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    place: Place, arguments: tuple[str, ...], said: str
) -> None:
    done = place(*arguments)
    assert done.code == 2
    assert said in done.err


def test_list_shows_the_newest_first_and_selects_by_phase_and_workflow(place: Place) -> None:
    assert names(place, "list") == ["fourth", "third", "second", "first"]
    assert names(place, "list", "--failed") == ["fourth", "second"]
    assert names(place, "list", "--status", "running,failed") == ["third", "second"]
    assert names(place, "list", "--status", "Running", "--failed", "--limit", "2") == [
        "fourth",
        "third",
    ]
    assert names(place, "list", "v") == ["first"]
    assert names(place, "list", "-A", "w") == ["fourth", "third", "second", "there"]


def test_list_takes_the_executions_of_a_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.cli.listing_executions.now", lambda: 1_799_982_000.0)
    assert names(place, "list", "--since", "90m") == ["fourth", "third"]
    assert len(names(place, "list", "--since", "1d")) == 4


@pytest.mark.parametrize("short", ["awfx/first", "workflowexecution/first"])
def test_a_name_may_come_with_its_kind(place: Place, short: str) -> None:
    assert place("watch", short).lines[-1] == "first Succeeded"
    full = "workflowexecution.automation.itechsmart.dev/first"
    assert place("get", full, "-o", "name").lines == ["workflowexecution/first"]
