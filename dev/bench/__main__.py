"""`python -m dev.bench`: all shapes, turn about, on a cluster of its own that goes afterwards."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from dev.bench.client import Api
from dev.bench.contenders import CONTENDERS
from dev.bench.measuring import AGENT, Bench
from dev.bench.report import Results, summary, table, write
from dev.bench.shapes import Shape, shapes
from dev.bench.usage import machine
from dev.cluster.api import Cluster, down, up
from dev.cluster.errors import ClusterError
from dev.cluster.shell import run
from dev.cluster.tools import kubectl

ROOT = Path(__file__).parent.parent.parent
RESULT = ROOT / "build" / "bench.json"
NAME = "bench"
FAKE_NODES = 10


async def measure(bench: Bench, plan: list[Shape], rounds: int, results: Results) -> None:
    """Every shape by every contender, the first of a pair changing from round to round."""
    start = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - start:5.0f} s  {words}", flush=True)

    say("warming up")
    for kind in CONTENDERS:
        await bench.run(kind, plan[-1])
    for number in range(rounds):
        for shape in plan:
            for kind in CONTENDERS[:: 1 if number % 2 == 0 else -1]:
                figures = await bench.run(kind, shape)
                results.add(shape, kind.name, figures)
                say(f"round {number + 1} of {rounds}: {summary(shape, kind.name, figures)}")


async def measure_within(
    cluster: Cluster, plan: list[Shape], rounds: int, limit: float, results: Results
) -> None:
    """The same on a cluster. Raises TimeoutError after `limit` seconds."""
    async with Api(cluster.kubeconfig, AGENT) as api, asyncio.timeout(limit):
        await measure(Bench(cluster, api), plan, rounds, results)


def start_cluster() -> Cluster:
    """A fresh cluster with raised limits, fake nodes and our resources."""
    down(NAME)
    cluster = up(NAME, kubelet=False, fake_nodes=FAKE_NODES, bench=True)
    command = [kubectl(), f"--kubeconfig={cluster.kubeconfig}"]
    run(*command, "apply", "--server-side", "-f", ROOT / "crds")
    run(*command, "wait", "--for=condition=Established", "--timeout=30s", "-f", ROOT / "crds")
    return cluster


def main() -> int:
    """Run it; 1 with one line on why when it could not be done in full."""
    parser = argparse.ArgumentParser(prog="python -m dev.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the work, in 90 s")
    parser.add_argument("--rounds", type=int, default=2, help="how often each shape is run")
    options = parser.parse_args()
    results, problem = Results(), ""
    print(f"machine: {machine()}")
    try:
        cluster = start_cluster()
        limit = 80.0 if options.quick else 340.0
        plan = shapes(quick=options.quick)
        asyncio.run(measure_within(cluster, plan, options.rounds, limit, results))
    except* TimeoutError:
        problem = "not done in time: the machine is too busy, or something is much too slow"
    except* (RuntimeError, ClusterError) as group:
        problem = str(group.exceptions[0])
    except* KeyboardInterrupt:
        problem = "interrupted"
    finally:
        down(NAME)
    print(f"\n{table(results)}\n")
    write(results, RESULT)
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
