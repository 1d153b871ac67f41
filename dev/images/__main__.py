"""The command `python -m dev.images`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.images.build import PROJECT, build, name


def main() -> int:
    """Run a subcommand; 1 with one line on failure."""
    parser = argparse.ArgumentParser(prog="dev.images", description="The container image.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build the image as an archive")
    building.add_argument("--output", type=Path, default=PROJECT / "build/images")
    building.add_argument("--without-docker", action="store_true", help="use buildah")
    commands.add_parser("name", help="print the image's name")
    arguments = parser.parse_args()
    try:
        if arguments.command == "build":
            docker = False if arguments.without_docker else None
            path = build(arguments.output.resolve(), docker=docker)
            print(f"{path} ({path.stat().st_size / 1e6:.0f} MB): {name()}")
        else:
            print(name())
    except ClusterError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
