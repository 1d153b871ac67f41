"""What a status can hold: etcd refuses an object over 1.5 MiB, and a run that cannot be written
could not end.

Every node keeps room for its own end, so that a large output fails the node that has it and never
a later one.
"""

from __future__ import annotations

MAX_OUTPUTS = 256 * 1024
"""Bytes of all outputs together."""
MAX_VARIABLES = 128 * 1024
"""Bytes of all variables together: they are in the spec and in the status."""
MAX_STATUS = 1024 * 1024
"""Bytes of all nodes' records together."""
BARE_RECORD_BYTES = 350
"""Bytes that a record takes at most, its message, ranges and outputs apart."""
