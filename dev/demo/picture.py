"""A recording as an animated SVG: each line of the screen, shown while it was there.

The animation is SMIL (SVG 1.1, chapter 19), which browsers play inside an <img>; what does not
play it shows the last picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from rich.ansi import AnsiDecoder
from rich.text import Text

COLUMNS = 100
ROWS = 34
_WIDTH, _HEIGHT, _PAD = 7.8, 18, 14
_COLOURS = {
    "color(1)": "#ff7b72",  # as rich's decoder names red, green, yellow, blue, cyan
    "color(2)": "#56d364",
    "color(3)": "#e3b341",
    "color(4)": "#79c0ff",
    "color(6)": "#56d4dd",
}
_WORDS = re.compile(r"\S+(?: \S+)*")
_STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "fill:#c9d1d9}.b{font-weight:bold;fill:#fff}.d{fill:#8b949e}"
)

Frame = tuple[float, Sequence[str]]
"""When it is shown, in seconds, and its lines with their colours as terminals write them."""


def picture(frames: Sequence[Frame], hold: float) -> str:
    """The SVG; the last frame stays for `hold` seconds, then it begins again."""
    total = frames[-1][0] + hold
    width, height = COLUMNS * _WIDTH + 2 * _PAD, ROWS * _HEIGHT + 2 * _PAD
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">',
        f"<style>{_STYLE}</style>",
        '<rect width="100%" height="100%" rx="8" fill="#0d1117">'
        f'<animate id="t" attributeName="rx" values="8" begin="0s;t.end" dur="{total:.2f}s"/>'
        "</rect>",
    ]
    for row in range(ROWS):
        parts += _row(frames, row, total)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(frames: Sequence[Frame], row: int, total: float) -> list[str]:
    """The contents of one row, one element for each time that it changed."""
    shown: list[tuple[float, str]] = []
    for moment, lines in frames:
        line = lines[row] if row < len(lines) else ""
        if not shown or shown[-1][1] != line:
            shown.append((moment, line))
    ends = [*(moment for moment, _ in shown[1:]), total]
    return [
        _version(row, line, begin, end, last=end == total)
        for (begin, line), end in zip(shown, ends, strict=True)
        if line
    ]


def _version(row: int, line: str, begin: float, end: float, *, last: bool) -> str:
    y = _PAD + row * _HEIGHT + 13
    text = next(iter(AnsiDecoder().decode(line)), Text(""))
    cells = "".join(_run(text, start, stop, y) for start, stop in _runs(text))
    if last:
        hidden = f'<set attributeName="visibility" to="hidden" begin="t.begin" dur="{begin:.2f}s"/>'
        return f"<g>{hidden if begin else ''}{cells}</g>"
    timing = f'begin="t.begin+{begin:.2f}s" dur="{end - begin:.2f}s"'
    return (
        f'<g visibility="hidden"><set attributeName="visibility" to="visible" {timing}/>{cells}</g>'
    )


def _runs(text: Text) -> list[tuple[int, int]]:
    """Stretches of one style; the decoder's spans do not overlap."""
    edges = {0, len(text), *(edge for span in text.spans for edge in (span.start, span.end))}
    return list(pairwise(sorted(edges)))


def _run(text: Text, start: int, stop: int, y: float) -> str:
    """Words of one style; where columns are apart each is placed for itself."""
    style = ""
    for span in text.spans:
        if span.start <= start < span.end:
            style = _style_of(span.style)
    return "".join(
        f'<text x="{_PAD + (start + found.start()) * _WIDTH:.1f}" y="{y}" '
        f'textLength="{len(found[0]) * _WIDTH:.1f}"{style}>{escape(found[0])}</text>'
        for found in _WORDS.finditer(text.plain[start:stop])
    )


def _style_of(style: object) -> str:
    words = str(style).split()
    for word in words:
        if word in _COLOURS:
            return f' style="fill:{_COLOURS[word]}"'
    return ' class="b"' if "bold" in words else ' class="d"' if "dim" in words else ""
