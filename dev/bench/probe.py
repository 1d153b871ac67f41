"""Asks a probe again and again, as a kubelet does: `python -m dev.bench.probe HOST:PORT PATH`.

A process of its own: the benchmark's, which reads every event of the API server, would measure its
own delays. Ends with its standard input, and prints how many seconds the slowest answer took.
"""

from __future__ import annotations

import http.client
import select
import sys
import time

PAUSE = 0.02
"""Seconds from one answer to the next question."""


def main(address: str, path: str) -> str:
    """The slowest answer's seconds. Raises RuntimeError for an answer that is not 200."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    slowest = 0.0
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        began = time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        slowest = max(slowest, time.monotonic() - began)
    return str(slowest)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
