"""Bounds how long the garbage collector pauses the process.

A collection stops every thread, probes and the Lease included, for about a microsecond per object
that it visits on a busy machine. The operator's own objects form no cycles, not in failed passes
either (`tests/simulation/test_garbage.py`), so what a collection of all objects could find is left
by libraries, and seldom.
"""

from __future__ import annotations

import gc

YOUNG = 5_000
"""Objects by which the process grows between two collections of new ones."""
YOUNG_COLLECTIONS = 4
"""Collections of new objects before their survivors are visited for the second and last time: about
30,000 objects, 15 to 50 ms."""
ALL_COLLECTIONS = 20_000
"""Collections of survivors before one of all objects: half a billion new objects, hours of load."""


def limit_pauses() -> None:
    """Set the thresholds; what has been imported by now is never visited again."""
    gc.set_threshold(YOUNG, YOUNG_COLLECTIONS, ALL_COLLECTIONS)
    gc.collect()
    gc.freeze()
