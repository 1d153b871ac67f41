"""Size limits of a status: etcd refuses an object over 1.5 MiB, and a run that cannot be written
could not end.

Room for the end of every node is reserved, so that a large output fails its own node and never a
later one.
"""

from __future__ import annotations

MAX_OUTPUTS = 256 * 1024
"""Bytes of all outputs together."""
MAX_VARIABLES = 128 * 1024
"""Bytes of all variables together: they are in the spec and in the status."""
MAX_STATUS = 1024 * 1024
"""Bytes of all nodes' records together."""
BARE_RECORD_BYTES = 350
"""Maximum bytes of a record without its message, ranges and outputs."""
