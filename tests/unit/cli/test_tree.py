"""An execution drawn as a tree, and told as lines."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.cli.transitions import ending, transitions
from orchestrator.cli.tree import Line, fit, fitting, lines, order
from tests.builders import action, chain, edge

NOW = 1_800_000_000.0
BEGAN = "2027-01-15T08:00:00.000Z"  # NOW


def graph(*nodes: str, edges: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nodes": [action(name) for name in nodes], "edges": edges}


def depths(drawn: dict[str, Any]) -> dict[str, int]:
    return {name: depth for depth, name in order(drawn)}


def execution(phase: str = "Running", **nodes: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"phase": phase, "startedAt": BEGAN, "nodes": nodes}}


def test_a_chain_stays_at_its_depth() -> None:
    assert order(graph("b", "a", "c", edges=chain("a", "b", "c"))) == [(0, "a"), (0, "b"), (0, "c")]


def test_branches_stand_deeper_and_meet_again_where_they_parted() -> None:
    edges = [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")]
    drawn = order(graph("a", "b", "c", "d", edges=edges))
    assert drawn == [(0, "a"), (1, "b"), (1, "c"), (0, "d")]


def test_error_handlers_and_else_branches_stand_aside() -> None:
    edges = [edge("a", "b"), edge("a", "mend", "Failed"), edge("a", "other", "Else")]
    drawn = depths(graph("a", "b", "mend", "other", edges=edges))
    assert drawn == {"a": 0, "b": 0, "mend": 1, "other": 1}


def test_one_handler_of_several_failures_stands_aside() -> None:
    edges = [*chain("a", "b"), edge("a", "mend", "Failed"), edge("b", "mend", "Failed")]
    assert depths(graph("a", "b", "mend", edges=edges))["mend"] == 1


def test_the_branches_of_a_condition_meet_on_the_main_line() -> None:
    edges = [edge("a", "b"), edge("a", "c", "Else"), edge("b", "d"), edge("c", "d")]
    assert depths(graph("a", "b", "c", "d", edges=edges))["d"] == 0


def test_every_node_stands_there_once_and_after_its_sources() -> None:
    names = [f"n{index}" for index in range(30)]
    edges = [edge(a, b) for i, a in enumerate(names) for b in names[i + 1 : i + 4]]
    drawn = [name for _, name in order(graph(*reversed(names), edges=edges))]
    assert drawn == names


def test_a_running_node_shows_how_long_it_has_run() -> None:
    [line] = lines([(0, "a")], execution(a={"phase": "Running", "startedAt": BEGAN}), NOW + 65)
    assert line.took == "1m5s"


def test_a_pending_node_shows_why_and_no_duration() -> None:
    record = {
        "phase": "Pending",
        "reason": "ImagePull",
        "message": "no such\n image",
        "startedAt": BEGAN,
    }
    [line] = lines([(0, "a")], execution(a=record), NOW + 5)
    assert (line.took, line.words) == ("", "ImagePull: no such image")


def test_a_waiting_node_says_how_long_it_still_waits() -> None:
    record = {"phase": "Waiting", "reason": "Backoff", "retryAt": "2027-01-15T08:00:12.000Z"}
    [line] = lines([(0, "a")], execution(a={**record, "attempts": 2}), NOW + 2)
    assert line.words == "Backoff: attempt 2: 10s left"


def test_a_condition_shows_which_way_it_fell() -> None:
    record = {"phase": "Succeeded", "outputs": {"result": False}}
    assert lines([(0, "a")], execution(a=record), NOW)[0].words == "false"


def test_the_spinner_turns_only_while_a_node_runs() -> None:
    running, done = Line(0, "a", "Running", "", ""), Line(0, "a", "Succeeded", "", "")
    assert running.symbol(NOW) != running.symbol(NOW + 0.1)
    assert done.symbol(NOW) == done.symbol(NOW + 0.1) == "✔"


def test_transitions_are_told_once_each_and_in_the_order_they_happened() -> None:
    first = execution(
        b={"phase": "Running", "startedAt": "2027-01-15T08:00:03.000Z"},
        z={
            "phase": "Succeeded",
            "startedAt": BEGAN,
            "finishedAt": "2027-01-15T08:00:02.500Z",
        },
    )
    then = execution(
        b={
            "phase": "Failed",
            "reason": "Failed",
            "message": "exit code 3",
            "startedAt": "2027-01-15T08:00:03.000Z",
            "finishedAt": "2027-01-15T08:00:05.000Z",
        },
        z=first["status"]["nodes"]["z"],
    )
    told = [transitions(None, first), transitions(first, then)]
    assert [[line.split() for line in part] for part in told] == [
        [["2.5s", "z", "Succeeded", "2.5s"], ["3.0s", "b", "Running"]],
        [["5.0s", "b", "Failed", "2.0s", "exit", "code", "3"]],
    ]


def test_an_execution_that_goes_on_has_no_ending() -> None:
    assert ending(execution()) is None
    assert ending({}) is None


def test_the_ending_says_how_long_it_took_and_what_came_out() -> None:
    raw = execution("Succeeded")
    raw["status"] |= {
        "finishedAt": "2027-01-15T08:01:30.000Z",
        "message": "all well",
        "outputs": {"healthy": True, "who": "ana", "all": [1, None]},
    }
    expected = "Succeeded after 1m30s: all well\n  healthy = true\n  who = ana\n  all = [1, null]"
    assert ending(raw) == expected


def test_a_tree_that_fits_is_drawn_whole() -> None:
    drawn = [Line(0, str(index), "Succeeded", "", "") for index in range(5)]
    assert fitting(drawn, 5) == drawn


def test_a_tree_that_does_not_fit_shows_what_runs_or_failed_first() -> None:
    phases = ["Succeeded"] * 50 + ["Failed"] + ["Skipped"] * 10 + ["Running"] + [""] * 40
    drawn = [Line(0, str(index), phase, "", "") for index, phase in enumerate(phases)]
    shown = fitting(drawn, 6)
    assert [line.name for line in shown] == ["47", "48", "49", "50", "61", "and 97 more"]


def test_what_has_no_time_of_its_own_has_that_of_the_status() -> None:
    """Not that of a clock here, which may be wrong, or read long after the end."""
    status = execution(
        a={
            "phase": "Succeeded",
            "startedAt": BEGAN,
            "finishedAt": "2027-01-15T08:00:04.000Z",
        },
        b={"phase": "Skipped", "reason": "BranchNotChosen"},
    )
    told = [line.split() for line in transitions(None, status)]
    assert told == [
        ["4.0s", "a", "Succeeded", "4.0s"],
        ["4.0s", "b", "Skipped", "BranchNotChosen"],
    ]


def test_a_pod_that_ran_under_a_second_says_so() -> None:
    record = {"phase": "Succeeded", "startedAt": BEGAN, "finishedAt": BEGAN}
    pod, decided = (
        lines([(0, "a")], execution(a={**record, **more}), NOW)[0] for more in ({"job": "j"}, {})
    )
    assert (pod.took, decided.took) == ("<1s", "0.0s")


def test_the_items_of_a_fan_out_that_failed_are_named() -> None:
    record = {
        "phase": "Failed",
        "reason": "TooManyFailed",
        "failed": "3,7-9",
        "message": "4 of 40 items failed, 0 may",
    }
    [line] = lines([(0, "a")], execution(a=record), NOW)
    assert line.words == "TooManyFailed: failed items 3, 7-9: 4 of 40 items failed, 0 may"
    many = ",".join(str(2 * index) for index in range(30))
    [line] = lines([(0, "a")], execution(a={**record, "failed": many}), NOW)
    assert "failed items 0, 2, 4, 6, 8, 10, 12, 14 and 22 more ranges" in line.words


WORDS = "Failed: the deployment exceeded its progress deadline of ten minutes"
LONG = "restart_the_payments_service_of_the_shop"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_marks_names_and_times_are_whole_and_words_are_shortened(columns: int) -> None:
    drawn = [
        Line(0, "check", "Succeeded", "1m12s", ""),
        Line(1, LONG, "Failed", "12s", WORDS),
        Line(2, "page", "", "", ""),
    ]
    cells = fit(drawn, columns)
    for line, cell in zip(drawn, cells, strict=True):
        shown = f"{' ' * cell.indent}✔ {cell.name}  {cell.took}  {cell.words}".rstrip()
        assert len(shown) <= columns
        assert cell.name.rstrip() == line.name
        assert cell.took.strip() == line.took
    assert cells[1].indent == 2
    assert {cell.indent + len(cell.name) for cell in cells} == {2 + len(LONG)}
    assert (cells[1].words == WORDS) is (columns == 200)
    assert (cells[1].words == "") is (columns == 60)


def test_indentation_gives_way_before_a_name_does() -> None:
    name = "n" * 50
    [cell] = fit([Line(12, name, "Succeeded", "1m12s", WORDS)], 60)
    assert (cell.name, cell.took, cell.indent) == (name, "1m12s", 1)


def test_a_name_wider_than_the_terminal_keeps_both_ends() -> None:
    [cell] = fit([Line(0, f"begin_{'x' * 50}_end", "Succeeded", "5s", "")], 40)
    assert len(cell.name) == 34
    assert cell.name.startswith("begin_x")
    assert cell.name.endswith("x_end")
