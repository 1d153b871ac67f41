"""What is measured, in the order of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured; its name and unit are in the table and in build/bench.json."""

    name: str
    unit: str
    digits: int


NODES = Metric("nodes/s", "1/s", 1)
GAP_P50 = Metric("finish → next Job, p50", "ms", 1)
GAP_P95 = Metric("finish → next Job, p95", "ms", 1)
CPU = Metric("controller CPU a node", "ms", 2)
CPU_ITEM = Metric("controller CPU an item", "ms", 2)
CPU_ALL = Metric("CPU a node with the control plane", "ms", 1)
WRITES = Metric("API writes a node", "", 2)
MEMORY = Metric("peak memory", "MB", 0)
STATUS = Metric("status of an execution", "KiB", 1)
HEALTH = Metric("/healthz, slowest", "ms", 0)
TRANSITIONS = Metric("Lease transitions", "", 0)
METRICS = (
    *(NODES, GAP_P50, GAP_P95, CPU, CPU_ITEM, CPU_ALL, WRITES, MEMORY, STATUS),
    *(HEALTH, TRANSITIONS),
)

Figures = dict[Metric, float]
