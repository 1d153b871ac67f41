"""Draws series over time as a PNG, by Pillow.

Imported only by what draws: Pillow takes longer to import than most actions run.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Lines are drawn larger and reduced, which smooths them."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Okabe and Ito's palette, which colour-blind people can distinguish."""
INK, GRID, PAPER, LIMIT = "#333333", "#dddddd", "#ffffff", "#c00000"
FONT_SIZE = 12
LINE = 16
"""Height of a line of text in pixels."""
MARGIN = 8
MAX_LEGEND = 8
"""Maximum number of series in the legend."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400)
"""Seconds between two marks of the axis of time."""
Point = tuple[float, float]
"""Seconds since 1970, and a value."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series: its name in the legend, and its points in the order of time."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Chart:
    """What a picture shows."""

    title: str
    lines: Sequence[Line]
    start: float
    end: float
    step: float
    """Seconds between two points; a line is interrupted where there is none for longer."""
    width: int
    height: int
    threshold: float | None = None


def draw(chart: Chart) -> bytes:
    """The chart as PNG with a palette of at most 64 colours."""
    return _Drawing(chart).png()


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers from `low` or below to `high` or above."""
    if high <= low:
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in _STEPS if one * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def label(value: float) -> str:
    """A value of an axis, with SI prefixes from 10,000."""
    for factor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor * (10 if unit == "k" else 1):
            return f"{value / factor:.4g}{unit}"
    return f"{value:.4g}" if abs(value) > 1e-12 else "0"


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.font = ImageFont.load_default(FONT_SIZE)
        legend = min(len(chart.lines), MAX_LEGEND + 1)
        values = [value for line in chart.lines for _, value in line.points]
        values += [chart.threshold] if chart.threshold is not None else []
        self.ticks = ticks(
            min(values, default=0.0), max(values, default=1.0), max(2, chart.height // 60)
        )
        widest = max(self.font.getlength(label(tick)) for tick in self.ticks)
        self.left, self.right = MARGIN + round(widest) + 6, chart.width - MARGIN
        self.top = MARGIN + (LINE + 4 if chart.title else 0)
        self.bottom = chart.height - MARGIN - LINE * (1 + legend) - 4

    def x(self, seconds: float) -> float:
        part = (seconds - self.chart.start) / max(self.chart.end - self.chart.start, 1e-9)
        return self.left + part * (self.right - self.left)

    def y(self, value: float) -> float:
        part = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return self.bottom - part * (self.bottom - self.top)

    def png(self) -> bytes:
        size = (self.chart.width, self.chart.height)
        large = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), PAPER)
        self._draw_lines(ImageDraw.Draw(large))
        image = large.resize(size, Image.Resampling.BOX)
        self._draw_text(ImageDraw.Draw(image))
        target = io.BytesIO()
        image.quantize(64).save(target, "PNG", optimize=True)
        return target.getvalue()

    def _draw_lines(self, canvas: ImageDraw.ImageDraw) -> None:
        for tick in self.ticks:
            self._line(canvas, [(self.left, self.y(tick)), (self.right, self.y(tick))], GRID)
        for mark in self._time_marks():
            self._line(canvas, [(self.x(mark), self.top), (self.x(mark), self.bottom)], GRID)
        if (limit := self.chart.threshold) is not None:
            self._line(canvas, [(self.left, self.y(limit)), (self.right, self.y(limit))], LIMIT, 2)
        for index, line in enumerate(self.chart.lines):
            colour = COLOURS[index % len(COLOURS)]
            for part in _uninterrupted(line.points, self.chart.step):
                points = [(self.x(seconds), self.y(value)) for seconds, value in part]
                if len(points) == 1:
                    points.append((points[0][0] + 1, points[0][1]))
                self._line(canvas, points, colour, 3)

    def _line(
        self, canvas: ImageDraw.ImageDraw, points: list[Point], colour: str, width: int = 1
    ) -> None:
        canvas.line([(x * SCALE, y * SCALE) for x, y in points], colour, width, joint="curve")

    def _draw_text(self, canvas: ImageDraw.ImageDraw) -> None:
        chart = self.chart
        if chart.title:
            self._text(canvas, self.left, MARGIN, chart.title)
        for tick in self.ticks:
            text = label(tick)
            canvas.text((self.left - 6, self.y(tick)), text, INK, self.font, anchor="rm")
        form = "%H:%M:%S" if chart.end - chart.start < 600 else "%H:%M"
        if chart.end - chart.start > 86400:
            form = "%m-%d %H:%M"
        for mark in self._time_marks():
            text = datetime.fromtimestamp(mark, UTC).strftime(form)
            half = self.font.getlength(text) / 2
            if self.left + half <= self.x(mark) <= self.right - half:
                canvas.text((self.x(mark), self.bottom + 3), text, INK, self.font, anchor="mt")
        for index, line in enumerate(chart.lines[: MAX_LEGEND + 1]):
            y = self.bottom + LINE * (1 + index) + 6
            if index == MAX_LEGEND:
                self._text(canvas, self.left + 18, y, f"and {len(chart.lines) - index} more")
                break
            canvas.rectangle(
                (self.left, y + 5, self.left + 12, y + 8), COLOURS[index % len(COLOURS)]
            )
            self._text(canvas, self.left + 18, y, line.name)
        if not chart.lines:
            middle = ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
            canvas.text(middle, "no data", INK, self.font, anchor="mm")

    def _text(self, canvas: ImageDraw.ImageDraw, x: float, y: float, text: str) -> None:
        """A text, shortened to the width of the picture."""
        room, shown = self.right - x, text
        while shown and self.font.getlength(shown + ("…" if shown != text else "")) > room:
            shown = shown[:-1]
        canvas.text((x, y), shown if shown == text else f"{shown}…", INK, self.font)

    def _time_marks(self) -> list[float]:
        start, end = self.chart.start, self.chart.end
        wanted = (end - start) / max(1, (self.right - self.left) // 80)
        step = next((each for each in _TIME_STEPS if each >= wanted), 0)
        step = step or 86400 * math.ceil(wanted / 86400)
        first = math.ceil(start / step)
        return [index * step for index in range(first, math.floor(end / step) + 1)]


def _uninterrupted(points: Sequence[Point], step: float) -> Iterator[list[Point]]:
    part: list[Point] = []
    for point in points:
        if part and point[0] - part[-1][0] > step * 1.5:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
