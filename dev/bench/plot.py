"""Cost against size as a picture: what a node costs the controller in small and large runs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dev.bench.metrics import CPU, CPU_ITEM
from dev.bench.report import Results, Row

WIDTH, HEIGHT, MARGIN = 640, 360, 56
_FAMILIES = {
    "one-node workflows": ("single", "thousand", "single10k"),
    "items of a fan-out": ("fan", "fan10k"),
    "chains": ("alone", "chains"),
    "graphs": ("graphs", "graph"),
}
_COLOURS = ("#1a6fb0", "#b04a1a", "#2c8a4b", "#7a3fa0")
_Point = tuple[float, float]


def picture(results: Results) -> str:
    """An SVG: nodes of a run on a logarithmic axis, milliseconds of CPU a node upwards."""
    rows = [row for row in results.rows() if row.metric in (CPU, CPU_ITEM)]
    found = {name: _points(rows, keys) for name, keys in _FAMILIES.items()}
    lines = {name: points for name, points in found.items() if points}
    top = max((y for points in lines.values() for _, y in points), default=1.0) * 1.15
    parts = [_frame(top)]
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
        places = [(_x(nodes), _y(cost, top)) for nodes, cost in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        parts.append(_text(x, y - 10, name, colour, "end" if x > WIDTH / 2 else "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>\n'
    )


def _points(rows: Iterable[Row], keys: tuple[str, ...]) -> list[_Point]:
    return sorted((row.shape.nodes, row.value) for row in rows if row.shape.key in keys)


def _x(nodes: float) -> float:
    return MARGIN + (math.log10(max(nodes, 10.0)) - 1) / 3 * (WIDTH - 2 * MARGIN)


def _y(cost: float, top: float) -> float:
    return HEIGHT - MARGIN - cost / top * (HEIGHT - 2 * MARGIN)


def _frame(top: float) -> str:
    """The axes with their marks."""
    left, right, bottom = MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
    parts += [
        _text(_x(10**power), bottom + 18, f"{10**power:,}", "#555555", "middle")
        for power in range(1, 5)
    ]
    for part in range(5):
        cost = top * part / 4
        y = _y(cost, top)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(_text(left - 8, y + 4, f"{cost:.1f}", "#555555", "end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 12, "nodes of a run", "#333333", "middle"))
    parts.append(_text(left, 24, "controller CPU a node, ms", "#333333", "start"))
    return "".join(parts)


def _text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {place}>{words}</text>"
