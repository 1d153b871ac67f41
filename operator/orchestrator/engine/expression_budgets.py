"""Budgets for an execution's expressions, in the units of `orchestrator.expressions.budget`.

Work is counted, not timed: a pass over the same state makes the same decisions in any process.
"""

from __future__ import annotations

MAX_PASS_WORK = 50_000_000
"""Units for all expressions of one pass: 250 of the costliest, or the parameters of a hundred
thousand items."""
MAX_WAITS_WORK = 2_000_000
"""Units of these for nodes that wait for a condition, which is evaluated at each change."""
MAX_JUDGING_WORK = 50_000_000
"""Units, in addition to the pass's, for the run's end, its outputs, and the handling of failures:
the result is the same however much the rest of the pass costs."""
MAX_JOB_WORK = 2_000_000
"""Units for everything that a Template renders for one Job."""
MAX_TRIGGER_WORK = 400_000
"""Units for everything that a trigger evaluates for one event."""
NODE_VIEW_WORK = 8
"""Units for each node that an expression can see."""
MAX_ITEMS_BYTES = 8 * 1024 * 1024
"""Bytes of the parameters of all items of a fan-out together."""
