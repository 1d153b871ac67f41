"""Where the nodes of a graph are drawn: in layers along its edges (Sugiyama, Tagawa and Toda 1981).

Each node is one layer below the last of its sources. Within a layer, nodes are ordered by the mean
place of their neighbours, so that few edges cross; an edge over several layers has a place in each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from orchestrator.drawing.model import Box, Picture

SWEEPS = 6
"""Times that the layers are ordered downwards and upwards."""
MAX_SPAN = 12
"""Layers of an edge beyond which it has no places of its own: a straight curve is drawn."""
GAP_X, GAP_Y = 28.0, 56.0
LINE, PADDING, LETTER = 17.0, 12.0, 7.6
"""Height of a line, room around the text, and width of a letter, in pixels."""

Point = tuple[float, float]


@dataclass
class Place:
    """A node, or where an edge passes through a layer. The middle and the size, in pixels."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Where everything is drawn."""

    width: float
    height: float
    places: Mapping[str, Place]
    paths: Sequence[Sequence[Point]]
    """The points that each arrow passes, in the order of the picture's arrows."""


def lay_out(picture: Picture) -> Layout:
    """The places of a picture's boxes, and the paths of its arrows."""
    depths = _depths(picture)
    places: list[Place] = []
    layers: list[list[int]] = [[] for _ in range(max(depths.values(), default=0) + 1)]
    index: dict[str, int] = {}
    for box in picture.boxes:
        index[box.name] = len(places)
        layers[depths[box.name]].append(len(places))
        places.append(_sized(box))
    ways = [
        _way(
            places,
            layers,
            index[arrow.source],
            index[arrow.target],
            depths[arrow.source],
            depths[arrow.target],
        )
        for arrow in picture.arrows
    ]
    for sweep in range(SWEEPS):
        _order(places, layers, downwards=sweep % 2 == 0)
    _place(places, layers)
    width = max((place.x + place.width / 2 for place in places), default=0.0)
    height = max((place.y + place.height / 2 for place in places), default=0.0)
    paths = [[(places[one].x, places[one].y) for one in way] for way in ways]
    for path, way in zip(paths, ways, strict=True):
        path[0] = (path[0][0], path[0][1] + places[way[0]].height / 2)
        path[-1] = (path[-1][0], path[-1][1] - places[way[-1]].height / 2)
    named = {name: places[at] for name, at in index.items()}
    return Layout(width + GAP_X, height + GAP_X, named, paths)


def _sized(box: Box) -> Place:
    """A place for a box; a diamond needs more room around the same text."""
    wide, high = (1.3, 1.5) if box.kind == "condition" else (1.0, 1.0)
    letters = max(len(line) for line in box.lines)
    width = letters * LETTER + 2 * PADDING
    return Place(width * wide, (len(box.lines) * LINE + 2 * PADDING) * high)


def _depths(picture: Picture) -> dict[str, int]:
    """The layer of each box; those of `finally` come last. A node on a cycle stays where it is
    reached first, so that an invalid graph is drawn too."""
    waiting = {box.name: 0 for box in picture.boxes}
    after: dict[str, list[str]] = {box.name: [] for box in picture.boxes}
    for arrow in picture.arrows:
        waiting[arrow.target] += 1
        after[arrow.source].append(arrow.target)
    depths = dict.fromkeys(waiting, 0)
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:
        for target in after[name]:
            depths[target] = max(depths[target], depths[name] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    last = max((depths[box.name] for box in picture.boxes if not box.final), default=-1)
    return depths | {box.name: last + 1 + depths[box.name] for box in picture.boxes if box.final}


def _way(
    places: list[Place], layers: list[list[int]], source: int, target: int, top: int, bottom: int
) -> list[int]:
    """The places that an edge passes; new ones in the layers between."""
    between = range(top + 1, bottom) if 1 < bottom - top <= MAX_SPAN else ()
    way = [source]
    for layer in between:
        way.append(len(places))
        layers[layer].append(len(places))
        places.append(Place(LETTER, 0.0))
    way.append(target)
    for upper, lower in pairwise(way):
        places[upper].below.append(lower)
        places[lower].above.append(upper)
    return way


def _order(places: Sequence[Place], layers: list[list[int]], *, downwards: bool) -> None:
    at = {one: position for layer in layers for position, one in enumerate(layer)}
    for layer in layers if downwards else reversed(layers):

        def mean(one: int) -> float:
            near = places[one].above if downwards else places[one].below
            return sum(at[other] for other in near) / len(near) if near else at[one]

        layer.sort(key=mean)
        at.update({one: position for position, one in enumerate(layer)})


def _place(places: Sequence[Place], layers: Sequence[Sequence[int]]) -> None:
    """From left to right in each layer, then towards the neighbours as far as there is room."""
    y = GAP_X
    for layer in layers:
        height = max((places[one].height for one in layer), default=0.0)
        x = 0.0
        for one in layer:
            places[one].x, places[one].y = x + places[one].width / 2, y + height / 2
            x += places[one].width + GAP_X
        for one in layer:
            places[one].x -= x / 2
        y += height + GAP_Y
    for sweep in range(2 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _pull(places, layer)
    left = min((place.x - place.width / 2 for place in places), default=0.0)
    for place in places:
        place.x += GAP_X - left


def _pull(places: Sequence[Place], layer: Sequence[int]) -> None:
    """Each place of a layer to the mean of its neighbours, none over another."""
    wanted = []
    for one in layer:
        near = [*places[one].above, *places[one].below]
        mean = sum(places[other].x for other in near) / len(near) if near else places[one].x
        wanted.append(mean)
    edge = float("-inf")
    lefts = []
    for one, x in zip(layer, wanted, strict=True):
        half = places[one].width / 2
        lefts.append(max(x, edge + half))
        edge = lefts[-1] + half + GAP_X
    edge = float("inf")
    rights = [0.0] * len(layer)
    for position in range(len(layer) - 1, -1, -1):
        half = places[layer[position]].width / 2
        rights[position] = min(wanted[position], edge - half)
        edge = rights[position] - half - GAP_X
    for one, left, right in zip(layer, lefts, rights, strict=True):
        places[one].x = (left + right) / 2
