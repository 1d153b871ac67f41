"""`python -m dev.bench`: all shapes, turn about, each run on a cluster of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dev.bench.client import Api
from dev.bench.contenders import (
    CONTENDERS,
    Contender,
    FloorContender,
    OperatorContender,
    against,
)
from dev.bench.history import COUNT as HISTORY_COUNT
from dev.bench.history import QUICK as QUICK_HISTORY_COUNT
from dev.bench.history import SHAPE as HISTORY
from dev.bench.history import history
from dev.bench.hostile import QUICK, measure_hostile
from dev.bench.hostile import SHAPE as HOSTILE
from dev.bench.measuring import AGENT, Bench
from dev.bench.plot import picture
from dev.bench.podbench import Checkout, PodBench
from dev.bench.realpods import WORK
from dev.bench.receiving import SHAPE as RECEIVER
from dev.bench.receiving import against_server, against_stub, until_job
from dev.bench.report import Results, summary, table, write
from dev.bench.shapes import WARM_UP, Shape, shapes
from dev.bench.starts import SHAPE as STARTS
from dev.bench.starts import table as starts
from dev.bench.stored import SHAPE as STORED
from dev.bench.stored import measure_stored
from dev.bench.streams import SHAPE as STREAMS
from dev.bench.streams import streams
from dev.bench.usage import machine
from dev.cluster.api import Cluster, down, up
from dev.cluster.errors import ClusterError
from dev.cluster.shell import run
from dev.cluster.tools import kubectl

ROOT = Path(__file__).parent.parent.parent
RESULT = ROOT / "build" / "bench.json"
PICTURE = ROOT / "build" / "bench.svg"
POD_RESULT = ROOT / "build" / "bench-pods.json"
NAME = "bench"
FAKE_NODES = 10


@dataclass(slots=True)
class Run:
    """All that is to be run, and what came of it so far."""

    plan: list[Shape]
    rounds: int
    contenders: tuple[type[Contender], ...] = CONTENDERS
    results: Results = field(default_factory=Results)
    began: float = field(default_factory=time.monotonic)

    def all(self) -> None:
        """Every shape by every contender, the first of a pair changing from round to round."""
        for number in range(self.rounds):
            for shape in self.plan:
                for kind in self.contenders[:: 1 if number % 2 == 0 else -1]:
                    asyncio.run(self._fresh(shape, kind, number))

    def stored(self) -> None:
        """The memory where much is stored."""
        asyncio.run(self._stored())

    async def _fresh(self, shape: Shape, kind: type[Contender], number: int) -> None:
        # What pods leave behind would be the next one's burden.
        cluster = start_cluster(kind.checkout)
        async with Api(cluster.kubeconfig, AGENT) as api:
            bench = Bench(cluster, api)
            for warming in (FloorContender, kind):
                await bench.run(warming, WARM_UP)
            figures = await bench.run(kind, shape)
        self.results.add(shape, kind.name, figures)
        words = summary(shape, kind.name, figures)
        self.say(f"round {number + 1} of {self.rounds}: {words}")

    def hostile(self, shape: Shape) -> None:
        """Chains beside hostile executions, against the same alone."""
        for number in range(self.rounds):
            asyncio.run(self._hostile(shape, number))

    async def _hostile(self, shape: Shape, number: int) -> None:
        cluster = start_cluster(ROOT)
        async with Api(cluster.kubeconfig, AGENT) as api:
            bench = Bench(cluster, api)
            await bench.run(OperatorContender, WARM_UP)
            beside, alone = await measure_hostile(bench, shape)
        for contender, figures in (("operator", beside), ("floor", alone)):
            self.results.add(shape, contender, figures)
            words = summary(shape, contender, figures)
            self.say(f"round {number + 1} of {self.rounds}: {words}")

    def receiver(self) -> None:
        """The receiver's latency and throughput."""
        self.say(asyncio.run(against_stub()))
        for measure in (against_server, until_job):
            cluster = start_cluster(ROOT)
            self.say(asyncio.run(measure(cluster)))

    def others(self, chosen: Sequence[str], *, quick: bool) -> None:
        """What needs no contenders."""
        if RECEIVER in chosen:
            self.receiver()
        if STREAMS in chosen:
            self.say(asyncio.run(streams(start_cluster(ROOT))))
        if HISTORY in chosen:
            self.say(history(QUICK_HISTORY_COUNT if quick else HISTORY_COUNT))
        if STARTS in chosen:
            print(f"\n{starts()}\n")

    async def _stored(self) -> None:
        cluster = start_cluster(ROOT)
        self.say(f"storing {STORED.executions:,} executions")
        async with Api(cluster.kubeconfig, AGENT) as api:
            figures = await measure_stored(Bench(cluster, api))
        self.results.add(STORED, "operator", figures)
        self.say(summary(STORED, "operator", figures))

    def say(self, words: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self.began:5.0f} s  {words}", flush=True)


def start_cluster(checkout: Path) -> Cluster:
    """A fresh cluster with raised limits, fake nodes and the resources of a checkout."""
    down(NAME)
    cluster = up(NAME, kubelet=False, fake_nodes=FAKE_NODES, bench=True)
    command = [kubectl(), f"--kubeconfig={cluster.kubeconfig}"]
    run(*command, "apply", "--server-side", "-f", checkout / "crds")
    run(*command, "wait", "--for=condition=Established", "--timeout=30s", "-f", checkout / "crds")
    return cluster


def main() -> int:
    """Run it; 1 with one line on why when it could not be done in full."""
    parser = argparse.ArgumentParser(prog="python -m dev.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the work, nothing large")
    parser.add_argument("--rounds", type=int, default=3, help="how often each shape is run")
    parser.add_argument("--shape", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--against", type=Path, metavar="PATH",
        help="measure the operator of another checkout of this project beside it",
    )  # fmt: skip
    options = parser.parse_args()
    every = shapes(quick=options.quick)
    quick = [shape.key for shape in every]
    keys = [
        *quick,
        STORED.key,
        HOSTILE.key,
        STARTS,
        RECEIVER,
        HISTORY,
        STREAMS,
        *(work.key for work in WORK),
    ]
    possible = [key for key in keys if os.geteuid() == 0 or not key.startswith("pods-")]
    chosen = options.shape or (quick if options.quick else possible)
    if unknown := sorted({*chosen} - {*keys}):
        parser.error(f"--shape {unknown[0]}: one of {', '.join(keys)}")
    rivals = (against(options.against),) if options.against else ()
    plan = [shape for shape in every if shape.key in chosen]
    work, problem = Run(plan, options.rounds, (*CONTENDERS, *rivals)), ""
    print(f"machine: {machine()}")
    on_pods = [each for each in WORK if each.key in chosen]
    pods = PodBench(_checkouts(options.against), on_pods, options.rounds, work.say)
    try:
        work.all()
        if STORED.key in chosen:
            work.stored()
        if HOSTILE.key in chosen:
            work.hostile(QUICK if options.quick else HOSTILE)
        work.others(chosen, quick=options.quick)
        if on_pods:
            pods.all()
    except* (RuntimeError, ClusterError) as group:
        problem = str(group.exceptions[0])
    except* KeyboardInterrupt:
        problem = "interrupted"
    finally:
        down(NAME)
    if plan or STORED.key in chosen:
        print(f"\n{table(work.results)}\n")
        write(work.results, RESULT)
        PICTURE.write_text(picture(work.results))
    if on_pods:
        print(f"\n{pods.table()}\n")
        POD_RESULT.parent.mkdir(parents=True, exist_ok=True)
        POD_RESULT.write_text(json.dumps(pods.rows(), indent=1, ensure_ascii=False) + "\n")
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _checkouts(rival: Path | None) -> list[Checkout]:
    own = Checkout("operator", ROOT)
    return [own, Checkout("against", rival.resolve())] if rival else [own]


if __name__ == "__main__":
    sys.exit(main())
