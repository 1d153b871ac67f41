"""Tables that fit a terminal, and are complete everywhere else."""

from __future__ import annotations

from orchestrator.cli.tables import Table, rows, shorten, shorten_middle, width

NAME = "restart-the-payments-service-of-the-shop-in-the-eu-x7k2p"
HEADER = ["Name", "Phase", "Message", "Age"]
ROW = [NAME, "Failed", "the deployment exceeded its progress deadline", "3m12s"]


def test_without_a_terminal_every_cell_is_whole() -> None:
    _, line = Table(HEADER, [ROW], 0).lines([ROW])
    assert line == "   ".join(ROW)


def test_at_a_terminal_messages_are_shortened_before_names() -> None:
    header, line = Table(HEADER, [ROW], 100).lines([ROW])
    assert max(width(header), width(line)) <= 100
    assert line.startswith(NAME)
    assert "the deployment exceeded…" in line
    assert line.endswith("3m12s")


def test_a_wide_name_keeps_both_ends_and_pushes_nothing_off_the_screen() -> None:
    for columns in (60, 80):
        header, line = Table(HEADER, [ROW], columns).lines([ROW])
        assert max(width(header), width(line)) <= columns
        assert line.startswith("restart-")
        assert "x7k2p " in line
        assert line.split()[1] == "Failed"
        assert line.endswith("3m12s")


def test_a_command_to_copy_is_never_shortened() -> None:
    command = "orchestrator -n shop approve restart-x7k2p confirm --input ticket=TEXT"
    row = [NAME, "group:sre,user:ana@example.com", command]
    _, line = Table(["Execution", "For", "Command"], [row], 60).lines([row])
    assert line.endswith(command)


def test_rows_that_come_later_are_shortened_to_the_widths_of_the_first() -> None:
    table = Table(HEADER, [["short", "Failed", "x", "1s"]], 80)
    [line] = table.lines([ROW], header=False)
    assert len(line) < 80


def test_wide_letters_take_two_columns() -> None:
    assert (width("日本"), width("é"), width("e\u0301")) == (4, 1, 1)
    assert shorten("日本語", 5) == "日本…"
    assert shorten_middle("abcdefghij", 5) == "ab…ij"


def test_the_next_slot_of_a_trigger_is_a_moment() -> None:
    trigger = {
        "metadata": {"name": "nightly", "creationTimestamp": "2027-01-15T08:00:00Z"},
        "spec": {"workflow": "w"},
        "status": {
            "lastFired": "2027-01-15T08:00:00.000Z",
            "nextFire": "2027-01-16T03:00:00.000Z",
        },
    }
    header, [cells] = rows("Trigger", [trigger], wide=False, every=False, now=1_800_000_060)
    shown = dict(zip(header, cells, strict=True))
    assert (shown["Next"], shown["Last"]) == ("2027-01-16T03:00:00Z", "1m0s")
