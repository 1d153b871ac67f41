"""`python -m dev.charts copy|generate|build`."""

from __future__ import annotations

import argparse
import sys

from dev.charts.copying import ROOT, copy, stale
from dev.charts.generating import generate
from dev.charts.tools import TOOLS, helm
from dev.cluster.errors import ClusterError


def main() -> int:
    """Run a subcommand; 1 with one line on why when it failed."""
    parser = argparse.ArgumentParser(prog="python -m dev.charts", description="The Helm chart.")
    commands = parser.add_subparsers(dest="command", required=True)
    copying = commands.add_parser("copy", help="bring the chart's copies up to date")
    copying.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    commands.add_parser("generate", help="copy, and write the README and the tests' snapshot")
    building = commands.add_parser("build", help="build programs unless they are built")
    building.add_argument(
        "tools",
        nargs="+",
        choices=[*TOOLS, "helm"],
        metavar="NAME",
        help="of " + ", ".join(TOOLS) + ", or helm: this machine's, or helm3",
    )
    options = parser.parse_args()
    try:
        match options.command:
            case "copy":
                return _copy(check=options.check)
            case "generate":
                _copy(check=False)
                for path in generate():
                    print(f"wrote {path.relative_to(ROOT)}")
            case _:
                for name in options.tools:
                    print(TOOLS[name].path() if name in TOOLS else helm())
    except ClusterError as error:
        print(f"charts: {error}", file=sys.stderr)
        return 1
    return 0


def _copy(*, check: bool) -> int:
    if not check:
        for path in copy():
            print(f"wrote {path.relative_to(ROOT)}" if path.exists() else f"removed {path}")
        return 0
    found = [path.relative_to(ROOT) for path in stale()]
    for path in found:
        print(f"{path} is out of date: run `make generate`", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
