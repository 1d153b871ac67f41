"""`python -m dev.servers`: builds and installs the servers unless they are there."""

from __future__ import annotations

import sys

from dev.cluster.errors import ClusterError
from dev.servers.tools import VERSITYGW, dovecot, exim, postgresql, sshd, systemd


def main() -> int:
    """Print where the servers are; 1 with one line on why one is missing."""
    try:
        print(dovecot(), exim(), sshd(), systemd(), postgresql(), VERSITYGW.path(), sep="\n")
    except ClusterError as error:
        print(f"servers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
