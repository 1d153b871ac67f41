"""`python -m dev.proof` checks that the last run performed each action of the catalogue, its
example, and what PROVES declares, and that it was answered by each route of the REST API;
`python -m dev.proof record` keeps a green run of all tests.
"""

from __future__ import annotations

import argparse
import sys

from dev.proof.declared import ROOT, catalogue, declared, undeclared
from dev.proof.routes import declared_routes, served, unanswered, undeclared_routes
from dev.proof.run import RECORD, Record, incomplete, read_run, unproven, write


def main() -> int:
    """The exit code: 1 if something is not proven, or cannot be recorded. A check without a problem
    prints nothing, so that the summary of the tests remains the last line."""
    parser = argparse.ArgumentParser(prog="python -m dev.proof", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["check", "record"], default="check")
    recording = parser.parse_args().command == "record"
    run = read_run()
    if run is None:
        print("proof: no run of the tests is known: run `make test`", file=sys.stderr)
        return 1
    actions, proofs = catalogue(), declared()
    routes = declared_routes()
    found = [
        *undeclared(actions, proofs),
        *unproven(actions, proofs, run),
        *undeclared_routes(list(served()), routes),
        *unanswered(routes, run),
    ]
    if recording:
        found += [f"the last run cannot be recorded: {reason}" for reason in incomplete(run)]
    for problem in found:
        print(f"proof: {problem}", file=sys.stderr)
    if found:
        return 1
    if recording:
        write(Record(run.date, run.commit, run.tests, actions), RECORD)
        print(f"wrote {RECORD.relative_to(ROOT)}; run `make generate`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
