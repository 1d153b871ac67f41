"""The filters and tests that expressions may use: each is safe and linear in its input."""

from orchestrator.expressions.library import selection
from orchestrator.expressions.library.tests import TESTS

__all__ = ["FILTERS", "NAMING", "TESTS"]

FILTERS = {**selection.SIMPLE, **selection.FILTERS}
"""Every filter, by the name that expressions use."""

NAMING = {
    "map": (0, selection.SIMPLE, "filter"),
    "select": (0, TESTS, "test"),
    "reject": (0, TESTS, "test"),
    "selectattr": (1, TESTS, "test"),
    "rejectattr": (1, TESTS, "test"),
}
"""Filters that take the name of a filter or a test as the argument at this index."""
