"""How long a shipped action takes from its container's start to its function.

Every step of a workflow that runs one waits for this. Measured is the program as a Job starts it,
from the creation of the process to the call of the action's function, with the CPU it took; the
function itself is not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from orchestrator.actions.registry import NAMES, load

SHAPE = "action-start"
AIM_MS = 250
RUNS = 15
_PROGRAM = """
import sys
import orchestrator.actions.registry as registry

def measured(name):
    import dataclasses, os, time
    def run(parameters, context):
        used = time.process_time_ns()
        sys.stdout.write(f"{time.monotonic_ns()} {used}")
        sys.stdout.flush()
        os._exit(0)
    return dataclasses.replace(load(name), run=run)

load, registry.load = registry.load, measured
from orchestrator.entry import main
main()
"""


@dataclass(frozen=True, slots=True)
class Started:
    """One start, in milliseconds."""

    elapsed: float
    cpu: float


def measure(name: str) -> Started:
    """Start the action once. Raises RuntimeError when it does not reach its function."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2] / "operator"),
        "PYDANTIC_DISABLE_PLUGINS": "true",  # as in the image
        "PARAMS": json.dumps(_parameters(name)),
    }
    began = time.monotonic_ns()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "action", name],
        env=environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{name} does not reach its function: {done.stderr[-500:]}")
    reached, cpu = map(int, done.stdout.split())
    return Started((reached - began) / 1e6, cpu / 1e6)


def _parameters(name: str) -> dict[str, Any]:
    """The parameters of its example, each expression a word."""
    nodes = yaml.safe_load(load(name).example)["nodes"]
    given = next(node.get("with", {}) for node in nodes if node["action"] == name)
    return {
        key: "x" if isinstance(value, str) and "$[[" in value and key != "script" else value
        for key, value in given.items()
    }


def table() -> str:
    """A row for each action: min, median and max of RUNS starts, turn about."""
    starts: dict[str, list[Started]] = {name: [measure(name)] for name in NAMES}  # warms caches
    for name in NAMES:
        starts[name].clear()
    for _ in range(RUNS):
        for name in NAMES:
            starts[name].append(measure(name))
    lines = ["| action | start → function, ms: min / median / max | CPU, ms |", "|---|---|---|"]
    for name, each in starts.items():
        elapsed = sorted(start.elapsed for start in each)
        middle = median(elapsed)
        cells = [f"{elapsed[0]:.0f} / {middle:.0f} / {elapsed[-1]:.0f}"]
        cells.append(f"{median(start.cpu for start in each):.0f}")
        over = f" (over {AIM_MS})" if middle > AIM_MS else ""
        lines.append(f"| {name} | {' | '.join(cells)}{over} |")
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
