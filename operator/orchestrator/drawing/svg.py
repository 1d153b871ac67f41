"""A graph as SVG, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from orchestrator.drawing.layout import LINE, Place, Point, lay_out
from orchestrator.drawing.model import COLOURS, Arrow, Box, Picture

_STYLE = """
  text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
  .detail { font-size: 11px; fill: #59636e }
  .label { font-size: 11px; fill: #59636e; paint-order: stroke; stroke: #fff; stroke-width: 4px }
  .node { fill: #f6f8fa; stroke: #59636e; stroke-width: 1.3 }
  .edge { fill: none; stroke: #59636e; stroke-width: 1.3 }
  .tip { fill: #59636e }
  .aside, .final { stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .detail { fill: #9198a1 }
    .label { fill: #9198a1; stroke: #0d1117 }
    .node { fill: #151b23; stroke: #9198a1 }
    .edge { stroke: #9198a1 }
    .tip { fill: #9198a1 }
  }
"""
_MARKER = (
    '  <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker>'
)


def to_svg(picture: Picture) -> str:
    """A self-contained picture that any browser shows."""
    return "\n".join(_svg(picture)) + "\n"


def _svg(picture: Picture) -> Iterator[str]:
    layout = lay_out(picture)
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    box = f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} {box}>'
    yield f"  <title>{escape(picture.title)}</title>"
    yield f"  <style>{_STYLE}  </style>"
    yield f"  <defs>\n  {_MARKER}\n  </defs>"
    for arrow, path in zip(picture.arrows, layout.paths, strict=True):
        yield from _edge(arrow, path)
    for one in picture.boxes:
        yield from _node(one, layout.places[one.name])
    for arrow, path in zip(picture.arrows, layout.paths, strict=True):
        if arrow.label:
            x, y = _middle(path)
            yield f'  <text class="label" x="{x:.1f}" y="{y:.1f}">{escape(arrow.label)}</text>'
    yield "</svg>"


def _edge(arrow: Arrow, path: Sequence[Point]) -> Iterator[str]:
    style = "edge aside" if arrow.aside else "edge"
    (x, y), *rest = path
    steps = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        half = (y + to_y) / 2
        steps.append(f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    yield f'  <path class="{style}" marker-end="url(#tip)" d="{" ".join(steps)}"/>'


def _node(box: Box, place: Place) -> Iterator[str]:
    colour = COLOURS.get(box.phase)
    shown = f' style="stroke:{colour};stroke-width:2.5"' if colour else ""
    style = "node final" if box.final else "node"
    left, top = place.x - place.width / 2, place.y - place.height / 2
    right, bottom = place.x + place.width / 2, place.y + place.height / 2
    yield "  <g>"
    if box.kind == "condition":
        points = f"{place.x:.1f},{top:.1f} {right:.1f},{place.y:.1f}"
        points += f" {place.x:.1f},{bottom:.1f} {left:.1f},{place.y:.1f}"
        yield f'    <polygon class="{style}"{shown} points="{points}"/>'
    else:
        radius = place.height / 2 if box.kind in ("approval", "wait", "delay") else 6
        yield (
            f'    <rect class="{style}"{shown} x="{left:.1f}" y="{top:.1f}"'
            f' width="{place.width:.1f}" height="{place.height:.1f}" rx="{radius:.1f}"/>'
        )
    hint = f"{box.name}: {box.phase}" if box.phase else f"{box.name}: {box.kind}"
    yield f"    <title>{escape(hint)}</title>"
    first = place.y - (len(box.lines) - 1) * LINE / 2 + 4.5
    for number, line in enumerate(box.lines):
        css = ' class="detail"' if number else ""
        y = first + number * LINE
        yield f'    <text{css} x="{place.x:.1f}" y="{y:.1f}">{escape(line)}</text>'
    yield "  </g>"


def _middle(path: Sequence[Point]) -> Point:
    """The middle of an edge's first part, where it is nearest to its source."""
    (x, y), (to_x, to_y) = path[0], path[1]
    return (x + to_x) / 2, (y + to_y) / 2 + 4
