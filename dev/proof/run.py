"""What a run of the tests performed, and the record of the last green one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dev.proof.declared import ROOT, Proof

RUN = Path("build/tests/run.json")
"""Of the last run, below the folder of pytest's configuration."""
RECORD = ROOT / "docs" / "reference" / "last-green-run.json"
ALL = frozenset({"tests/charts", "tests/cluster", "tests/e2e", "tests/simulation", "tests/unit"})
"""The suites of `make test`."""
PROPERTY = "performed"
"""The property of a report: {action: whether with the parameters of its example}."""
ANSWERED = "answered"
"""The property of a report: routes of the REST API that answered the test with a success."""


@dataclass
class Run:
    """A run of the tests."""

    date: str
    """Day on which it began, in UTC."""
    commit: str
    """Of the working copy; empty if that differed from its commit, or is no git repository."""
    suites: list[str]
    """The suites that ran in full."""
    tests: int = 0
    green: bool = False
    performed: dict[str, dict[str, bool]] = field(default_factory=dict)
    """By test file, the actions that its tests performed to a good end, and whether one of them
    performed the action's example."""
    answered: dict[str, list[str]] = field(default_factory=dict)
    """By test, without parameters, the routes of the REST API that answered it with a success."""

    def add(self, file: str, performed: Mapping[str, bool]) -> None:
        """What a test of the file performed."""
        known = self.performed.setdefault(file, {})
        for action, example in performed.items():
            known[action] = known.get(action, False) or example

    def add_routes(self, test: str, routes: Sequence[str]) -> None:
        """The routes that answered a test, which may have run with several parameters."""
        self.answered[test] = sorted({*self.answered.get(test, ()), *routes})


@dataclass(frozen=True)
class Record:
    """The last green run of all tests."""

    date: str
    commit: str
    tests: int
    actions: list[str]
    """Those that it proved."""


def write(value: Run | Record, path: Path) -> None:
    """Write it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(value), indent=1) + "\n", encoding="utf-8")


def read_run(path: Path = ROOT / RUN) -> Run | None:
    """The last run; None if there is none."""
    return Run(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def read_record(path: Path = RECORD) -> Record | None:
    """The record of the last green run; None if there is none."""
    return Record(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def unproven(actions: Sequence[str], proofs: Sequence[Proof], run: Run) -> Iterator[str]:
    """What the declarations promise and the run did not perform."""
    for action in actions:
        if not any(seen.get(action) for seen in run.performed.values()):
            yield f"{action}: no test performed its example"
    for proof in proofs:
        if proof.action in actions and proof.action not in run.performed.get(proof.file, {}):
            yield f"{proof.file}: declares {proof.action} in PROVES, and did not perform it"


def incomplete(run: Run) -> Iterator[str]:
    """Why a run cannot be recorded as a green run of all tests."""
    if missing := sorted(ALL - set(run.suites)):
        yield f"it did not run all of {', '.join(missing)}"
    if not run.green:
        yield "a test failed"
    if not run.commit:
        yield "the working copy differed from its commit"
