"""Many runs, each from its seed: `python -m tests.simulation.trials FROM TO [--log F] [--first]`.

With a log it goes on where it was cut off: the log holds each hundred that was done and every seed
whose run violated something. `--first` stops at the first of those. PYTHONHASHSEED must be set, so
that a seed gives the same run in every process.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.scenario import scenario
from tests.simulation.trial import violations

CHUNK = 100
Found = dict[int, list[str]]


def chunk(first: int, last: int) -> Found:
    """The seeds from `first` up to `last` whose runs violate something, and what."""
    return {seed: found for seed in range(first, last) if (found := violations(scenario(seed)))}


def _spare() -> None:
    """Spend nothing on logs that nobody reads and on looking for garbage that is not there."""
    logging.getLogger("orchestrator").propagate = False
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def chunks(first: int, last: int, processes: int | None = None) -> Iterator[tuple[int, Found]]:
    """The same for many, a chunk after the other, on all processors; with each chunk's start."""
    starts = range(first, last, CHUNK)
    ends = [min(start + CHUNK, last) for start in starts]
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=_spare) as pool:
        yield from zip(starts, pool.map(chunk, starts, ends), strict=True)


def main() -> int:
    """The exit code: 1 when something was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--first", dest="until_first", action="store_true")
    given = parser.parse_args()
    if "PYTHONHASHSEED" not in os.environ:
        parser.error("set PYTHONHASHSEED=0, or a seed gives another run in every process")
    if given.until_first:
        _spare()
        for seed in range(given.first, given.last):
            if found := chunk(seed, seed + 1):
                print(f"seed {seed}: {found[seed][0]}")
                return 1
        return 0
    begin, wrong = _begin(given.log, given.first)
    for start, found in chunks(begin, given.last):
        wrong |= found
        for seed, words in found.items():
            print(f"seed {seed}: {words[0]}", flush=True)
        if given.log:
            with given.log.open("a") as log:
                log.write(json.dumps({"done": start + CHUNK, "violations": found}) + "\n")
    print(f"{given.last - given.first} runs, {len(wrong)} violations")
    return 1 if wrong else 0


def _begin(log: Path | None, first: int) -> tuple[int, Found]:
    """Where to go on, and what was found before."""
    if log is None or not log.exists():
        return first, {}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    found = {int(seed): words for line in lines for seed, words in line["violations"].items()}
    return max([first, *(line["done"] for line in lines)]), found


if __name__ == "__main__":
    sys.exit(main())
