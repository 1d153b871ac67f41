"""Names of sub-executions: the next one is used while an execution of others has the first.

Whoever may create executions can compute the names, and must not be able to fail a node by that.
Names are passed over in one order, so whoever asks finds the same sub-execution.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.controller.apiserver.cache import Raw
from orchestrator.controller.apiserver.resources import EXECUTIONS
from orchestrator.controller.execution.looking import live
from orchestrator.controller.execution.shell import Shell
from orchestrator.controller.execution.tracked import Tracked
from orchestrator.engine import reasons


class Which(NamedTuple):
    """A sub-execution: of which node and attempt, and of which item in a fan-out."""

    node: str
    attempt: int
    item: int | None = None


async def own_child(shell: Shell, tracked: Tracked, which: Which) -> Raw | None:
    """The sub-execution, read live, whichever of its names it has; None when it is gone."""
    while True:
        raw = await read_child(shell, tracked, which)
        if raw is None or is_ours(tracked, raw):
            return raw
        if not pass_over(shell, tracked, which):
            return None


async def read_child(shell: Shell, tracked: Tracked, which: Which) -> Raw | None:
    """The execution that has the sub-execution's name, read live, whoever made it."""
    return await live(shell, EXECUTIONS, tracked.run.namespace, tracked.name_of(*which))


def recall(tracked: Tracked, which: Which, recorded: str) -> None:
    """After a restart, take up the name that the status records: others may be gone since."""
    first = tracked.name_of(*which)
    if recorded == first or which in tracked.salts:
        return
    while tracked.name_of(*which) != recorded:
        if not tracked.pass_over(*which):  # the record is of an earlier attempt
            del tracked.salts[which]
            return


def pass_over(shell: Shell, tracked: Tracked, which: Which) -> bool:
    """Go on to the next name, with a Warning Event; False when others have all of them."""
    name = tracked.name_of(*which)
    if not tracked.pass_over(*which):
        return False
    message = f"{which.node}: execution {name} is not this one's; another name is used"
    shell.recorder.emit(tracked.reference, "Warning", reasons.NAME_TAKEN, message)
    return True


def is_ours(tracked: Tracked, raw: Raw) -> bool:
    """Whether it is a sub-execution of this one: only holders of `trigger` can set spec.parent."""
    return bool((raw["spec"].get("parent") or {}).get("uid") == tracked.run.uid)
