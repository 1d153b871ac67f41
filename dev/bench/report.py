"""The figures of all runs as a table for people and as a list for programs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from dev.bench.metrics import CPU, CPU_ALL, METRICS, Figures, Metric
from dev.bench.shapes import Shape


@dataclass(frozen=True, slots=True)
class Row:
    """A metric of a shape: means over the rounds."""

    shape: Shape
    metric: Metric
    value: float
    floor: float | None
    """The floor's, or what it is compared with; None where there is nothing of the kind."""
    others: Mapping[str, float] = field(default_factory=dict)
    """The same of the other contenders, by name."""

    @property
    def ratio(self) -> float | None:
        """The operator's figure as a multiple of the floor's."""
        return self.value / self.floor if self.floor else None


_MAIN = ("operator", "floor")


class Results:
    """Figures by shape and contender, one set a round."""

    def __init__(self) -> None:
        self._runs: dict[tuple[Shape, str], list[Figures]] = defaultdict(list)

    def add(self, shape: Shape, contender: str, figures: Figures) -> None:
        """One run's figures."""
        self._runs[shape, contender].append(figures)

    @property
    def others(self) -> list[str]:
        """The contenders beside the operator and the floor."""
        return [name for name in dict.fromkeys(name for _, name in self._runs) if name not in _MAIN]

    def rows(self) -> Iterator[Row]:
        """All that both contenders have, in the order it was run."""
        for shape in dict.fromkeys(shape for shape, _ in self._runs):
            for metric in METRICS:
                value, floor = (self._mean(shape, name, metric) for name in ("operator", "floor"))
                others = {name: self._mean(shape, name, metric) for name in self.others}
                if value is not None:
                    known = {name: mean for name, mean in others.items() if mean is not None}
                    yield Row(shape, metric, value, floor, known)
        yield from self._growth()

    def _growth(self) -> Iterator[Row]:
        """What a node costs in a large graph, against small ones."""
        found = {shape.key: shape for shape, _ in self._runs}
        if not {"graph", "graphs"} <= found.keys():
            return
        for metric in (CPU, CPU_ALL):
            large, small = (
                self._mean(found[key], "operator", metric) for key in ("graph", "graphs")
            )
            if large is not None and small is not None:
                against = replace(metric, name=f"{metric.name}, against 50-node graphs")
                yield Row(found["graph"], against, large, small)

    def _mean(self, shape: Shape, contender: str, metric: Metric) -> float | None:
        found = [run[metric] for run in self._runs[shape, contender] if metric in run]
        return fmean(found) if found else None


def table(results: Results) -> str:
    """The table; ratios are the operator's figure to the floor's."""
    lines = [("shape", "metric", "operator", "floor", "ratio", *results.others, "")]
    shown = None
    for row in results.rows():
        digits = row.metric.digits
        title = row.shape.title if row.shape is not shown else ""
        shown = row.shape
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        value = f"{row.value:.{digits}f}"
        floor = "" if row.floor is None else f"{row.floor:.{digits}f}"
        others = [
            f"{row.others[name]:.{digits}f}" if name in row.others else ""
            for name in results.others
        ]
        lines.append((title, row.metric.name, value, floor, ratio, *others, row.metric.unit))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths) for line in lines)


def summary(shape: Shape, contender: str, figures: Figures) -> str:
    """A run in a line."""
    chosen = [metric for metric in METRICS if metric in figures]
    words = (f"{metric.name} {figures[metric]:.{metric.digits}f}" for metric in chosen)
    return f"{shape.title}, {contender}: {'; '.join(words)}"


def write(results: Results, path: Path) -> None:
    """The rows as JSON: a list of shape, metric, value, floor, ratio, others, unit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_plain(row) for row in results.rows()]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _plain(row: Row) -> dict[str, Any]:
    ratio = None if row.ratio is None else round(row.ratio, 3)
    return {
        "shape": row.shape.title,
        "metric": row.metric.name,
        "value": round(row.value, 3),
        "floor": None if row.floor is None else round(row.floor, 3),
        "ratio": ratio,
        "others": {name: round(value, 3) for name, value in row.others.items()},
        "unit": row.metric.unit,
    }


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    left, right = cells[:2], cells[2:-1]
    words = [cell.ljust(width) for cell, width in zip(left, widths[:2], strict=True)]
    words += [cell.rjust(width) for cell, width in zip(right, widths[2:-1], strict=True)]
    return "  ".join([*words, cells[-1]]).rstrip()
