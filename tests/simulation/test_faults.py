"""Whole operators against everything that can go wrong between them and the API server.

Each seed is a scenario: workflows, how their pods end, what people do, and the faults. Of each run:
one Job an attempt, no node before its edges allow it, nothing before its ground is stored, every
execution ends, what ended stays and nothing works for it, events are handled soon, the result is
that of a run without faults, and in the end no process writes any more.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest

from tests.simulation import trigger_scenarios
from tests.simulation.faults import Faults
from tests.simulation.interventions import FIRST
from tests.simulation.scenario import generate_scenario
from tests.simulation.trial import play, violations
from tests.simulation.trials import CHUNK, chunks, pieces

ROOT = Path(__file__).parent.parent.parent
PLANTED = sorted((Path(__file__).parent / "planted").rglob("*.patch"))
TRIGGERED = trigger_scenarios.FIRST
FIXED = [range(2_000), range(FIRST, FIRST + 700), range(TRIGGERED, TRIGGERED + 300)]
"""The scenarios of every run: without interventions, with them, and with a Trigger."""
MOVING = [
    (range(2_000, 202_000), 500),
    (range(FIRST + 700, FIRST + 50_700), 300),
    (range(TRIGGERED + 300, TRIGGERED + 50_300), 200),
]
"""Seeds of which each commit plays some: so many in a row, from a place that its hash gives."""
MAX_FOR_A_BUG = 2_000
CAUGHT = re.compile(r"Caught by seed (\d+)\.\n")
RECORD_SEEDS = os.environ.get("ITW_RECORD_SEEDS") == "1"
"""Whether the seeds that catch the planted bugs are written into their patches: after a change of
the scenarios or of the patches, so that the next run finds them at once."""

FOUND_BEFORE = {
    154: "a slot was taken for what had ended, since no watch had told of its end",
    207: "after a start a Job was taken for just created, because another node led to it as well",
    1117: "a Job that was made late, for a node that had ended without it, was left to work",
    1219: "an execution whose end was written, and whose answer was lost, was never counted",
    1332: "an execution that its older self in the cache calls new was tried to be admitted again",
    2328: "what had ended before it began was tried to be admitted at every resync",
    7532: "a Job that was made long after it was decided was given up at once",
    10867: "of a stray fan-out the pods were stopped, and the Job made others for its items",
    26119: "an Indexed Job with an ended pod was taken for over, and worked on after the end",
    47057: "an execution that no watch told of was taken for gone, and its slot given away",
    47069: "a Job of a node that never began was left to work until the execution's end",
    54554: "a process that slept while it created a Job gave the attempt up when it woke",
    56178: "a late watch told of an execution as it was before its end, and a Job was made for it",
    84675: "a Job that was made two minutes after it was decided was given up at once",
    3522: "what was made again after a lost answer was not looked at until the next resync",
    188128: "a watch that had lost its place a few times in a row was restarted too late",
    1005483: "one that was replaced between its slot and its admission was admitted, and late",
    1012006: "sub-executions created from an old view ran on beside their paused parent",
    1013525: "a sub-execution created from an old view ran on after its parent had ended",
    1027309: "the pod of a Job that others deleted was taken for the next attempt's",
    1019947: "under a pause a Job was not recorded, because the transform before it was not",
    1036762: "an end waited twice for its turn, since its parent cancelled it in the first",
    1049291: "ends waited twice for their turn, since their parents cancelled them in the first",
    1036614: "an item that one operator was refused and another created ran on alone",
    2000011: "with Newest an execution that was about to start did not count: one too many ran",
    2000471: "with Newest one that missed its slot started although a newer one had started in it",
    2001786: "with Newest one started that no watch had told of, in the slot of another",
    198502: "one that was cancelled between its slot and its admission held it for 15 seconds",
}


@pytest.mark.parametrize("seed", FOUND_BEFORE)
def test_what_was_found_once_stays_away(seed: int) -> None:
    assert violations(generate_scenario(seed)) == []


def test_a_seed_gives_the_same_run_again() -> None:
    for seed in range(30):
        first, second = play(generate_scenario(seed)), play(generate_scenario(seed))
        assert (first.results, first.jobs, first.crashes) == (
            second.results,
            second.jobs,
            second.crashes,
        )


def test_the_stories_hold_every_fault() -> None:
    scenarios = [generate_scenario(seed) for seed in range(200)]
    for fault in fields(Faults):
        assert any(getattr(scenario.faults, fault.name) for scenario in scenarios), fault.name
    assert any(scenario.operators.second for scenario in scenarios)
    assert any(scenario.operators.frozen for scenario in scenarios)
    assert {plural for scenario in scenarios for _, plural in scenario.deletions} == {
        "jobs",
        "pods",
    }
    assert {before for scenario in scenarios for _, before, _ in scenario.operators.crashes} == {
        True,
        False,
    }
    assert any(scenario.outages for scenario in scenarios)
    assert sum(play(scenario).crashes for scenario in scenarios[:40]) > 10


def test_the_stories_with_interventions_hold_each_of_them() -> None:
    scenarios = [generate_scenario(seed) for seed in range(FIRST, FIRST + 200)]
    specs = [spec for scenario in scenarios for spec in scenario.workflows.values()]
    assert {state for scenario in scenarios for *_, state in scenario.people} == {
        "Paused",
        "Running",
        "Cancelled",
        "Terminated",
    }
    limits = [spec["concurrency"]["policy"] for spec in specs if "concurrency" in spec]
    assert {*limits} == {"Queue", "Forbid", "Replace"}
    assert {spec.get("onFailure") for spec in specs} == {None, "Stop", "Cancel"}
    assert any("timeout" in scenario.workflows["main"] for scenario in scenarios)
    assert any("timeout" in scenario.workflows.get("child", {}) for scenario in scenarios)
    assert any(scenario.reruns for scenario in scenarios)
    nodes = [node for spec in specs for node in spec["nodes"]]
    assert any("workflow" in node and "forEach" in node for node in nodes)
    assert any("grandchild" in scenario.workflows for scenario in scenarios)


def test_the_stories_with_a_trigger_hold_each_of_its_limits() -> None:
    scenarios = [generate_scenario(seed) for seed in range(TRIGGERED, TRIGGERED + 200)]
    specs = [scenario.trigger or {} for scenario in scenarios]
    policies = {spec["rateLimit"]["policy"] for spec in specs if "rateLimit" in spec}
    assert policies == {"Queue", "Newest", "Drop"}
    assert any("cooldown" in spec for spec in specs)
    assert {spec["dedupe"]["key"] for spec in specs if "dedupe" in spec} == {"event.phase", "'one'"}
    assert any(spec.keys() == {"workflow", "execution"} for spec in specs)
    assert any(scenario.operators.crashes for scenario in scenarios)
    assert any(scenario.outages for scenario in scenarios)


def windows() -> list[range]:
    """The seeds that this commit plays beside the fixed ones."""
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    place = int(head.stdout or "0", 16)  # 0 where there is no repository
    starts = [
        every.start + place % ((len(every) - count) // CHUNK) * CHUNK for every, count in MOVING
    ]
    return [range(start, start + count) for start, (_, count) in zip(starts, MOVING, strict=True)]


def test_whatever_goes_wrong_nothing_runs_twice_and_nothing_is_lost() -> None:
    wrong: dict[int, list[str]] = {}
    every = [*FIXED, *windows()]
    print(f"seeds {', '.join(f'{seeds.start} to {seeds.stop - 1}' for seeds in every)}")
    seeds = [piece for some in every for piece in pieces(some.start, some.stop)]
    for piece, found in chunks(seeds):
        wrong |= found
        if piece.stop % 1000 == 0:
            print(f"{piece.stop} runs, {len(wrong)} violations", flush=True)
    assert wrong == {}


def test_what_the_logs_have_is_not_run_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert _trials("0", "2", "--log", str(first)) == "2 runs of the seeds 0 to 1, 0 violations"
    said = _trials("0", "4", "--log", str(second), "--log", str(first))
    assert said == "4 runs of the seeds 0 to 3, 0 violations"
    kept = first.read_text()
    _trials("0", "4", "--log", str(first), "--log", str(second))
    assert first.read_text() == kept


def _trials(*arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation.trials", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_every_planted_bug_is_caught(tmp_path: Path) -> None:
    assert len(PLANTED) >= 50
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = dict(
            zip(PLANTED, pool.map(lambda patch: _caught(patch, tmp_path), PLANTED), strict=True)
        )
    for patch, seed in outcomes.items():
        print(f"{patch.stem}: {seed}")
        if RECORD_SEEDS and seed:
            _record(patch, seed)
    assert [patch.stem for patch, seed in outcomes.items() if not seed] == []


def _seeds_for(patch: Path) -> list[str]:
    """From which seed to which it is to be caught: those in folders of their own by scenarios with
    interventions or a Trigger. The seed that caught it last is tried first: it is in the patch's
    first line."""
    first = {"interventions": FIRST, "triggers": TRIGGERED}.get(patch.parent.name, 0)
    bounds = [str(first), str(first + MAX_FOR_A_BUG)]
    caught = CAUGHT.match(patch.read_text())
    return [*bounds, "--hint", caught[1]] if caught else bounds


def _record(patch: Path, said: str) -> None:
    """Write into the patch which seed catches it: `seed N: what it violates`."""
    seed = said.removeprefix("seed ").partition(":")[0]
    patch.write_text(f"Caught by seed {seed}.\n" + CAUGHT.sub("", patch.read_text()))


def _caught(patch: Path, room: Path) -> str:
    """What the first run that catches the bug says; empty when none does."""
    copy = room / patch.stem
    shutil.copytree(ROOT / "operator", copy / "operator")
    applied = subprocess.run(
        ["patch", "-p1", "-s", "-i", str(patch)], cwd=copy, capture_output=True, text=True
    )
    assert applied.returncode == 0, f"{patch.name} no longer applies: {applied.stdout}"
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation.trials", *_seeds_for(patch), "--first"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{copy / 'operator'}:{ROOT}",
            "PYTHONHASHSEED": "0",
        },
        capture_output=True,
        text=True,
    )
    return run.stdout.strip() if run.returncode == 1 else ""
