"""The page of the tests that prove the actions."""

from __future__ import annotations

from itertools import groupby

import yaml

from dev.proof.declared import TEMPLATES, Proof, catalogue, declared
from dev.proof.run import Record, read_record
from dev.reference.markdown import code, page, table

_WHAT = """\
Every shipped action is tested against its counterpart: the real service where one can run in the
tests, otherwise a strict stub, which speaks the vendor's documented API and refuses what the vendor
refuses. Where an action is the script of a Template for a tool with an image of its own, a program
takes the tool's place and records how it is called. The example of each action runs in a test as
well. `make test` fails if a file in this table does not perform its action.
"""
_HEADER = ("Action", "Category", "Tested against", "Tests", "Last green run")


def proofs() -> str:
    """A row for each action of the catalogue."""
    return table_of(catalogue(), declared(), read_record())


def table_of(actions: list[str], found: list[Proof], record: Record | None) -> str:
    """The page with these actions and tests, and the last green run if one is recorded."""
    by_action = {name: list(each) for name, each in groupby(found, lambda proof: proof.action)}
    categories = {name: _category(name) for name in actions}
    rows = [
        (
            f"[{name}](actions.md#{name})",
            categories[name],
            "; ".join(dict.fromkeys(proof.counterpart for proof in by_action.get(name, []))),
            ", ".join(code(proof.file.removeprefix("tests/")) for proof in by_action.get(name, [])),
            _green(name, record),
        )
        for name in sorted(actions, key=lambda name: (categories[name], name))
    ]
    return page("Tests of the actions", _WHAT, _last(record), table(_HEADER, rows))


def _last(record: Record | None) -> str:
    if record is None:
        return "No run of all tests is recorded yet; `make proof` records a green one."
    return (
        f"The last recorded run of all {record.tests} tests was green on {record.date}, of the "
        f"commit {code(record.commit[:12])}."
    )


def _green(name: str, record: Record | None) -> str:
    if record is None or name not in record.actions:
        return "not recorded"
    return f"{record.date}, {code(record.commit[:12])}"


def _category(name: str) -> str:
    category: str = yaml.safe_load((TEMPLATES / f"{name}.yaml").read_text())["spec"]["category"]
    return category
