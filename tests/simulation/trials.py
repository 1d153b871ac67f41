"""Runs many seeds: `python -m tests.simulation.trials FROM TO [--log F] [--first]`.

With logs it runs what none of them has: each line holds the seeds that were done, and what their
runs violated; the first log is added to. So many runs can be made in pieces, by several processes.
`--first` stops at the first violation, and tries the seed of `--hint` before all others.
PYTHONHASHSEED must be set, so that a seed gives the same
run in every process.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.scenario import generate_scenario
from tests.simulation.trial import violations

CHUNK = 100
Found = dict[int, list[str]]


def chunk(first: int, last: int) -> Found:
    """The seeds from `first` up to `last` whose runs violate something, and what."""
    return {
        seed: found for seed in range(first, last) if (found := violations(generate_scenario(seed)))
    }


def _spare() -> None:
    """Skip logs that are not read, and the search for garbage, which does not exist."""
    logging.getLogger("orchestrator").propagate = False
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def chunks(seeds: Sequence[range], processes: int | None = None) -> Iterator[tuple[range, Found]]:
    """The same for many, as each is done, on all processors."""
    starts, ends = [each.start for each in seeds], [each.stop for each in seeds]
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=_spare) as pool:
        yield from zip(seeds, pool.map(chunk, starts, ends), strict=True)


def pieces(first: int, last: int, done: Collection[int] = ()) -> list[range]:
    """The seeds from `first` up to `last` in chunks, without those of which all are done."""
    cut = [range(start, min(start + CHUNK, last)) for start in range(first, last, CHUNK)]
    return [piece for piece in cut if not all(seed in done for seed in piece)]


def main() -> int:
    """The exit code: 1 when something was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--log", type=Path, action="append", default=[])
    parser.add_argument("--processes", type=int)
    parser.add_argument("--first", dest="until_first", action="store_true")
    parser.add_argument("--hint", type=int)
    given = parser.parse_args()
    if "PYTHONHASHSEED" not in os.environ:
        parser.error("set PYTHONHASHSEED=0, or a seed gives another run in every process")
    if given.until_first:
        hint = [] if given.hint is None else [given.hint]
        return _until_first([*hint, *range(given.first, given.last)])
    done, wrong = _before(given.log)
    for piece, found in chunks(pieces(given.first, given.last, done), given.processes):
        done.update(piece)
        wrong |= found
        for seed, words in found.items():
            print(f"seed {seed}: {words[0]}", flush=True)
        if given.log:
            line = {"from": piece.start, "to": piece.stop, "violations": found}
            with given.log[0].open("a") as log:
                log.write(json.dumps(line) + "\n")
    runs = sum(seed in done for seed in range(given.first, given.last))
    seeds = sorted(seed for seed in wrong if given.first <= seed < given.last)
    print(
        f"{runs} runs of the seeds {given.first} to {given.last - 1}, {len(seeds)} violations"
        + "".join(f" {seed}" for seed in seeds)
    )
    return 1 if seeds else 0


def _until_first(seeds: Iterable[int]) -> int:
    _spare()
    for seed in seeds:
        if found := chunk(seed, seed + 1):
            print(f"seed {seed}: {found[seed][0]}")
            return 1
    return 0


def _before(logs: Sequence[Path]) -> tuple[set[int], Found]:
    """The seeds that were done before, and what was found."""
    done: set[int] = set()
    found: Found = {}
    for path in logs:
        for text in path.read_text().splitlines() if path.exists() else ():
            line = json.loads(text)
            done.update(range(line["from"], line["to"]))
            found |= {int(seed): words for seed, words in line["violations"].items()}
    return done, found


if __name__ == "__main__":
    sys.exit(main())
