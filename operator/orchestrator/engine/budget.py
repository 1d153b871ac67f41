"""What a status can hold: etcd refuses an object over 1.5 MiB, and a run that cannot be written
could not end.

Every node keeps room for its own end, so that a large output fails the node that has it and never
a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from orchestrator.engine.records import Record

MAX_OUTPUTS = 256 * 1024
"""Bytes of all outputs together."""
MAX_VARIABLES = 128 * 1024
"""Bytes of all variables together: they are in the spec and in the status."""
MAX_STATUS = 1024 * 1024
"""Bytes of all nodes' records together."""
ROOM = 350
"""Bytes that a record takes at most, its message, ranges and outputs apart."""


def outputs_size(record: Record) -> int:
    """Bytes of a record's outputs."""
    return len(orjson.dumps(record.outputs)) if record.outputs else 0


def record_size(record: Record) -> int:
    """Bytes that a record takes at most."""
    words = len(record.message.encode()) + len(record.completed) + len(record.failed)
    return ROOM + words + outputs_size(record)
