"""`python -m dev.demo up|alert|down`."""

from __future__ import annotations

import argparse
import sys

from dev.cluster.errors import ClusterError
from dev.demo import alert, show


def main() -> int:
    """Run it; 1 with one line on why when it failed."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("command", choices=["up", "alert", "down"])
    options = parser.parse_args()
    try:
        return {"up": show.up, "alert": alert.up, "down": show.down}[options.command]()
    except ClusterError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ndemo: interrupted; the same command goes on, `make demo-down` removes it",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
