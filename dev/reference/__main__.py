"""`python -m dev.reference` writes the generated pages; `--check` says which are not up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dev.reference.api import API_OPENAPI, api_openapi, api_routes
from dev.reference.commands import commands
from dev.reference.expressions import expressions
from dev.reference.labels import labels
from dev.reference.markdown import HEADER
from dev.reference.metrics import metrics
from dev.reference.nodes import node_kinds
from dev.reference.proofs import proofs
from dev.reference.reasons import reasons
from dev.reference.receiver_openapi import OPENAPI, receiver_openapi
from dev.reference.resources import resources
from dev.reference.route_tests import route_tests
from dev.reference.trigger_types import trigger_types

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Every generated page by its path below docs/reference."""
    return {
        "api.md": api_routes(HEADER),
        "api-routes.md": route_tests(),
        API_OPENAPI: api_openapi(),
        "commands.md": commands(),
        "expression-library.md": expressions(),
        "action-tests.md": proofs(),
        "labels.md": labels(),
        "metrics.md": metrics(),
        "node-kinds.md": node_kinds(),
        "reasons.md": reasons(),
        OPENAPI: receiver_openapi(),
        "trigger-types.md": trigger_types(),
        **{f"resources/{name}.md": text for name, text in resources().items()},
    }


def drifted(wanted: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """The pages that differ, are missing, or are generated no more."""
    present = {
        str(file.relative_to(folder)): text
        for file in folder.rglob("*.md")
        if (text := file.read_text(encoding="utf-8")).startswith(HEADER)
    }
    for name in (OPENAPI, API_OPENAPI):
        if (folder / name).exists():
            present[name] = (folder / name).read_text(encoding="utf-8")
    return sorted(
        name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
    )


def main() -> int:
    """Write the pages, or with --check compare them; 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m dev.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    check: bool = parser.parse_args().check
    wanted = pages()
    for name in drifted(wanted):
        path = FOLDER / name
        if check:
            print(f"{path} is not up to date: run `make generate`", file=sys.stderr)
        elif name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return 1 if check and drifted(wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
