"""The demo's recording: a screen as a terminal would show it, drawn as it changed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from dev.demo.picture import picture
from dev.demo.terminal import Screen

SVG = "{http://www.w3.org/2000/svg}"


def test_a_live_display_overwrites_its_lines() -> None:
    screen = Screen()
    screen.write("$ run\r\none\r\ntwo")
    screen.write("\r\x1b[2K\x1b[1A\x1b[2Kthree\r\n\x1b[?25lfour\r\n")
    assert screen.lines == ["$ run", "three", "four", ""]


def test_colours_stay_in_the_lines() -> None:
    screen = Screen()
    screen.write("\x1b[32mgood\x1b[0m")
    assert screen.lines == ["\x1b[32mgood\x1b[0m"]


def test_a_line_is_drawn_once_for_as_long_as_it_stands() -> None:
    drawn = ET.fromstring(picture([(0, ["a & b", "0 s"]), (1, ["a & b", "1 s"])], hold=2))  # noqa: S314
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert texts == ["a & b", "0 s", "1 s"]
    first = next(group for group in drawn.iter(f"{SVG}g") if group.get("visibility") == "hidden")
    shown = first.find(f"{SVG}set")
    assert shown is not None
    assert (shown.get("begin"), shown.get("dur")) == ("t.begin+0.00s", "1.00s")


def test_columns_stand_where_the_terminal_had_them() -> None:
    drawn = ET.fromstring(picture([(0, ["\x1b[32m✔ \x1b[0mcheck    2.7s"])], hold=1))  # noqa: S314
    places = {text.text: float(text.get("x", "0")) for text in drawn.iter(f"{SVG}text")}
    assert places["2.7s"] - places["✔"] == (len("✔ check    ")) * 7.8
