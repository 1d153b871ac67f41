"""`python -m dev.demo up|down`."""

from __future__ import annotations

import argparse
import sys

from dev.cluster.errors import ClusterError
from dev.demo.show import down, up


def main() -> int:
    """Run it; 1 with one line on why when it failed."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    options = parser.parse_args()
    try:
        return up() if options.command == "up" else down()
    except ClusterError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ndemo: interrupted; `make demo` goes on, `make demo-down` removes it", file=sys.stderr
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
