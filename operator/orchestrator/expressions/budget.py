"""The budget of work: what an evaluation does is counted, and one that does too much is ended.

The count is of items, comparisons and bytes, never of time: the same expression over the same
values costs the same everywhere, so a decision that rests on it can be repeated after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from orchestrator.expressions.errors import ExpressionError

MAX_WORK = 200_000
"""Units that one evaluation may cost. A unit is 10 to 200 ns of one core, whatever it counts, so
that no evaluation takes longer than about 40 ms."""
SLICE = 100_000
"""Units after which `Account.pace` is called: work of 10 to 20 ms."""
UNLIMITED = 1 << 62


class TooCostlyError(ExpressionError):
    """An evaluation that exceeds its budget of work."""


class BudgetUsedUpError(TooCostlyError):
    """An evaluation within its own budget, but the account that pays for it is used up."""


class Meter:
    """Counts the work of one evaluation."""

    __slots__ = ("limit", "memory", "spent")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0
        self.memory: dict[Any, Any] = {}
        """What was worked out once for this evaluation, such as the members of a list."""


class Account:
    """Pays for many evaluations, such as those of one pass over an execution.

    `pace` is called between two evaluations whenever about `SLICE` units were used; it may wait,
    or raise what gives the work up. It has no influence on what anything costs.
    """

    __slots__ = ("_since", "left", "pace", "used")

    def __init__(self, work: int = UNLIMITED, pace: Callable[[], None] | None = None) -> None:
        self.left = work
        """Units that further evaluations may cost."""
        self.used = 0
        self.pace = pace
        self._since = 0

    def pay(self, units: int) -> None:
        """Take the units of work that is done."""
        self.left -= units
        self.used += units
        self.tick(units)

    def tick(self, units: int) -> None:
        """Count work that costs nothing but time, such as reading a source for the first time."""
        self._since += units
        if self._since >= SLICE and self.pace is not None:
            self._since = 0
            self.pace()


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)
_account: ContextVar[Account | None] = ContextVar("account", default=None)


def charge(units: int) -> None:
    """Count work of the evaluation under way; TooCostlyError when it exceeds its budget.

    Outside an evaluation nothing is counted.
    """
    meter = _meter.get()
    if meter is not None:
        meter.spent += units
        if meter.spent > meter.limit:
            meter.spent = meter.limit  # what was to be done is not done
            raise TooCostlyError(
                f"the expression is too costly: its work exceeds the budget of {MAX_WORK:,} units;"
                " make its lists, texts or patterns smaller"
            )


def note(units: int) -> None:
    """Count work that is done once an evaluation has failed: it ends nothing any more."""
    meter = _meter.get()
    if meter is not None:
        meter.spent = min(meter.spent + units, meter.limit)


def memory() -> dict[Any, Any]:
    """What the evaluation under way keeps until its end; a new dict outside of one."""
    meter = _meter.get()
    return {} if meter is None else meter.memory


def tick(units: int) -> None:
    """Count work that is done once and cached, towards the next call of `Account.pace` only."""
    account = _account.get()
    if account is not None:
        account.tick(units)


def spend(units: int) -> None:
    """Have the account pay for work outside of evaluations, or raise BudgetUsedUpError."""
    account = _account.get()
    if account is not None:
        account.pay(units)
        if account.left < 0:
            raise _used_up()


@contextmanager
def metered() -> Iterator[Meter]:
    """One evaluation: what is charged inside counts towards its budget and is paid for."""
    account = _account.get()
    left = UNLIMITED if account is None else account.left
    if left <= 0:
        raise _used_up()
    meter = Meter(min(MAX_WORK, left))
    token = _meter.set(meter)
    try:
        yield meter
    except TooCostlyError as error:
        raise (_used_up() if meter.limit < MAX_WORK else error) from None
    finally:
        _meter.reset(token)
        if account is not None:
            account.pay(meter.spent)


@contextmanager
def paid_by(account: Account) -> Iterator[Account]:
    """Have the account pay for every evaluation inside."""
    token = _account.set(account)
    try:
        yield account
    finally:
        _account.reset(token)


def _used_up() -> BudgetUsedUpError:
    return BudgetUsedUpError(
        "too costly: the expressions evaluated together before this one have used up what one pass"
        " over an execution may cost"
    )
