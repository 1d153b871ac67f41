"""Executions as live trees on a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.observing import Observer, has_ended
from orchestrator.cli.pauses import describe_pause
from orchestrator.cli.printing import now
from orchestrator.cli.tables import shorten
from orchestrator.cli.tree import STYLES, fit, fitting, lines, order
from orchestrator.engine.explain import unseen
from orchestrator.models.plain_text import plain_text
from orchestrator.session.revisions import read_workflow

if TYPE_CHECKING:
    from rich.text import Text

REFRESH = 0.125
"""Seconds between two redraws of the trees, which advance durations and spinners."""


def show_trees(cluster: Cluster, observers: Sequence[Observer], stream: TextIO) -> None:
    """Draw the executions until all of them have ended."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    trees = [_Tree(cluster, observer) for observer in observers]
    with Live(console=Console(file=stream), auto_refresh=False) as live:
        while True:
            ended = all(observer.wait(0) for observer in observers)
            columns, height = live.console.width, live.console.height
            room = None if ended else height - 2 - 2 * len(trees)
            picture = [line for tree in trees for line in tree.draw(columns, _share(room, trees))]
            live.update(Text("\n").join(picture), refresh=True)
            if ended:
                return
            time.sleep(REFRESH)


def _share(room: int | None, trees: Sequence[_Tree]) -> int | None:
    """The number of node lines for each execution; a single one that has ended gets all the lines
    that it needs."""
    if room is None:
        return None
    return max(1, room // max(1, sum(not tree.ended for tree in trees)))


class _Tree:
    """One execution as lines of text."""

    def __init__(self, cluster: Cluster, observer: Observer) -> None:
        self._cluster = cluster
        self._observer = observer
        self._revision: object = None
        self._workflow: Mapping[str, Any] = {}
        self._nodes: list[tuple[int, str]] = []

    @property
    def ended(self) -> bool:
        """Whether its execution has ended."""
        return has_ended(self._observer.latest)

    def draw(self, columns: int, height: int | None) -> list[Text]:
        """The current state of the execution, with a limited number of lines of nodes."""
        execution = self._observer.latest
        self._read(execution)
        moment = now()
        drawn = lines(self._nodes, execution, moment)
        if height is not None:
            drawn = fitting(drawn, 0 if self.ended and len(drawn) > height else height)
        return [
            *self._head(execution, columns, moment),
            *(
                _node(line.symbol(moment), line.style, cells, quiet=not line.phase)
                for line, cells in zip(drawn, fit(drawn, columns), strict=True)
            ),
        ]

    def _head(self, execution: Raw, columns: int, moment: float) -> list[Text]:
        from rich.text import Text

        status, name = execution.get("status") or {}, execution["metadata"]["name"]
        phase = status.get("phase", "Pending")
        head = Text(plain_text(name), "bold")
        head.append(f"  {status.get('progress', '')}  ", "not bold")
        head.append(phase, f"not bold {STYLES.get(phase, '')}")
        said, has_command = "", False
        if phase == "Paused":
            said, has_command = describe_pause(execution, self._workflow), True
        elif phase in ("Pending", "Queued"):
            has_command = not status
            said = plain_text(status.get("message") or unseen(execution, moment))
        if not said:
            return [head]
        if head.cell_len + 2 + len(said) <= columns or not has_command:
            left = max(0, columns - head.cell_len - 2)
            return [head.append(f"  {shorten(said, left) if left else ''}", "not bold dim")]
        return [head, Text(f"  {said}", "dim")]  # not shortened, so that a command can be copied

    def _read(self, execution: Raw) -> None:
        """The workflow that it runs: from its revision, or from the Workflow if the revision cannot
        be read."""
        revision = (execution.get("status") or {}).get("revision")
        if revision is None or revision == self._revision:
            return
        self._revision = revision
        self._workflow = read_workflow(self._cluster, execution)
        self._nodes = order(self._workflow)


def _node(symbol: str, style: str, cells: Any, *, quiet: bool) -> Text:
    from rich.text import Text

    text = Text(" " * cells.indent)
    text.append(f"{symbol} ", style)
    text.append(cells.name, "dim" if quiet else "")
    if cells.took:
        text.append(f"  {cells.took}")
    if cells.words:
        text.append(f"  {cells.words}", "dim")
    return text
