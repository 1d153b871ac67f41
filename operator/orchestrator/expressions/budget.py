"""The budget of work: an evaluation counts its work, and stops when it exceeds a limit.

It counts items, comparisons and bytes, never time: the same expression over the same values has the
same cost everywhere, so that a decision based on it can be repeated after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from orchestrator.expressions.errors import ExpressionError
from orchestrator.models.reasons import Reason

MAX_WORK = 200_000
"""Maximum number of units of one evaluation. A unit takes 10 to 200 ns of one core, so an
evaluation takes at most about 40 ms."""
SLICE = 100_000
"""Number of units between two yields of a pacer: 10 to 20 ms."""
UNLIMITED = 1 << 62


class TooCostlyError(ExpressionError):
    """The evaluation exceeds its budget of work."""

    reason = Reason.EXPRESSION_TOO_COSTLY


class BudgetExhaustedError(TooCostlyError):
    """The evaluation is within its own budget, but its account is exhausted."""

    reason = Reason.TOO_COSTLY


class Meter:
    """Counts the work of one evaluation."""

    __slots__ = ("limit", "memory", "spent")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0
        self.memory: dict[Any, Any] = {}
        """Results cached for this evaluation, such as the members of a list."""


class Account:
    """The shared budget of many evaluations, such as those of one reconciliation."""

    __slots__ = ("_parent", "left", "used")

    def __init__(self, work: int = UNLIMITED, parent: Account | None = None) -> None:
        """`parent` is charged the same units; both must have units left."""
        self.left = work
        """Units left for further evaluations."""
        self.used = 0
        self._parent = parent

    @property
    def available(self) -> int:
        """Units left in the account and all of its parents."""
        return self.left if self._parent is None else min(self.left, self._parent.available)

    def pay(self, units: int) -> None:
        """Deduct the units of finished work."""
        self.left -= units
        self.used += units
        if self._parent is not None:
            self._parent.pay(units)


class Pacer:
    """Calls `yields` between two evaluations, after about `SLICE` units of work.

    The callback may wait, or raise an error to abort the work; it has no effect on the cost.
    """

    __slots__ = ("_since", "_yields")

    def __init__(self, yields: Callable[[], None]) -> None:
        self._yields = yields
        self._since = 0

    def tick(self, units: int) -> None:
        """Count towards the next slice."""
        self._since += units
        if self._since >= SLICE:
            self._since = 0
            self._yields()


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)
_account: ContextVar[Account | None] = ContextVar("account", default=None)
_pacer: ContextVar[Pacer | None] = ContextVar("pacer", default=None)


def charge(units: int) -> None:
    """Count work of the current evaluation; raises TooCostlyError if it exceeds its budget.

    Outside an evaluation, the account is charged, if there is one.
    """
    meter = _meter.get()
    if meter is None:
        pay(units)
        return
    meter.spent += units
    if meter.spent > meter.limit:
        meter.spent = meter.limit  # the work beyond the limit is not done
        raise TooCostlyError(
            f"the expression is too costly: its work exceeds the budget of {MAX_WORK:,} units;"
            " make its lists, strings or patterns smaller"
        )


def note(units: int) -> None:
    """Count work that is done after an evaluation has failed, without raising an error."""
    meter = _meter.get()
    if meter is not None:
        meter.spent = min(meter.spent + units, meter.limit)


def memory() -> dict[Any, Any]:
    """The cache of the current evaluation; a new dict outside an evaluation."""
    meter = _meter.get()
    return {} if meter is None else meter.memory


def tick(units: int) -> None:
    """Count bounded or cached work towards the next yield, but not towards a budget."""
    pacer = _pacer.get()
    if pacer is not None:
        pacer.tick(units)


def pay(units: int) -> None:
    """Charge the account for work between evaluations."""
    account = _account.get()
    if account is not None:
        account.pay(units)
    tick(units)


def afford(units: int) -> None:
    """Charge the account before work begins; raises BudgetExhaustedError if it is exhausted."""
    account = _account.get()
    if account is not None and account.available <= 0:
        raise _exhausted()
    pay(units)


class metered:  # noqa: N801 - read as contextlib's own, and entered for every evaluation
    """Context of one evaluation: work inside counts towards its budget and the account's."""

    __slots__ = ("_meter", "_token")

    def __enter__(self) -> Meter:
        account = _account.get()
        limit = MAX_WORK if account is None else min(MAX_WORK, account.available)
        if limit <= 0:
            raise _exhausted()
        self._meter = Meter(limit)
        self._token = _meter.set(self._meter)
        return self._meter

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        _meter.reset(self._token)
        pay(self._meter.spent)
        if isinstance(error, TooCostlyError) and self._meter.limit < MAX_WORK:
            raise _exhausted() from None


@contextmanager
def paid_by(account: Account) -> Iterator[Account]:
    """Context in which every evaluation is charged to the account."""
    token = _account.set(account)
    try:
        yield account
    finally:
        _account.reset(token)


@contextmanager
def paced_by(pacer: Pacer) -> Iterator[None]:
    """Context in which work yields between its slices."""
    token = _pacer.set(pacer)
    try:
        yield
    finally:
        _pacer.reset(token)


def _exhausted() -> BudgetExhaustedError:
    return BudgetExhaustedError(
        "too costly: the expressions evaluated before this one exhausted the budget of one"
        " reconciliation of the execution"
    )
