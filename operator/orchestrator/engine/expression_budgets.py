"""What the expressions of an execution may cost, in the units of `orchestrator.expressions.budget`.

Counted and never timed: a pass over the same state comes to the same decisions, whoever makes it.
"""

from __future__ import annotations

MAX_PASS_WORK = 50_000_000
"""Units for all expressions of one pass: 250 of the costliest, or the parameters of a hundred
thousand items."""
MAX_WAITS_WORK = 2_000_000
"""Units of these for what waits for a condition, which is asked at each change."""
MAX_JUDGING_WORK = 50_000_000
"""Units, apart from the pass's, for how a run ends and its outputs, and for which failures are
handled: the same state comes to the same end, however much the rest of the pass costs."""
MAX_JOB_WORK = 2_000_000
"""Units for all that a Template has rendered for one Job."""
MAX_TRIGGER_WORK = 400_000
"""Units for all that a trigger evaluates for one event."""
NODE_VIEW_WORK = 8
"""Units for each node that an expression can see."""
MAX_ITEMS_BYTES = 8 * 1024 * 1024
"""Bytes of the parameters of all items of a fan-out together."""
