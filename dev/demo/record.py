"""`python -m dev.demo.record`: plays the demo in a terminal and draws docs/images/demo.svg.

What is drawn is what the demo wrote, line for line; only time is shortened: waiting for the setup
is left out, the workflow runs four times as fast. The last lines, about looking around, are left
out too.
"""

from __future__ import annotations

import fcntl
import math
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

from dev.demo.picture import COLUMNS, ROWS, Frame, picture
from dev.demo.stage import ROOT
from dev.demo.terminal import Screen

PICTURE = ROOT / "docs/images/demo.svg"
SPEED = 4.0
MAX_WAIT = 0.6
"""Seconds between two pictures before the workflow runs, whatever it took."""
STEP = 0.2
"""Seconds of the recording between two pictures of a running workflow."""
SETTLED = 0.02
"""Seconds without output after which a picture is whole."""
HOLD = 8.0
RUNS = "$ orchestrator run"
END = "Look around:"


def main() -> int:
    """Record it; the demo's exit code."""
    output: list[tuple[float, str]] = []
    process = _start(output)
    if process:
        print(f"the demo failed ({process}); nothing was drawn", file=sys.stderr)
        return process
    frames = list(_frames(output))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(frames, HOLD))
    print(f"{PICTURE.relative_to(ROOT)}: {len(frames)} pictures, {frames[-1][0]:.0f} s")
    return 0


def _start(output: list[tuple[float, str]]) -> int:
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.demo", "up"],
        cwd=ROOT, stdin=writer, stdout=writer, stderr=writer, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(writer)
    began = time.monotonic()
    pending = b""
    while True:
        try:
            read = os.read(reader, 65536)
        except OSError:  # EIO: the other end was closed
            break
        pending += read
        text = pending.decode(errors="ignore")
        pending = pending[len(text.encode()) :]
        output.append((time.monotonic() - began, text))
        os.write(sys.stdout.fileno(), read)
    os.close(reader)
    return process.wait()


def _frames(output: list[tuple[float, str]]) -> Iterator[Frame]:
    """Pictures that differ, at the times at which the recording shows them."""
    screen = Screen()
    shown, before, clock, last = [""], 0.0, 0.0, -STEP
    running = False
    following = [*(moment for moment, _ in output[1:]), math.inf]
    for (moment, text), then in zip(output, following, strict=True):
        wait = moment - before
        clock += wait / SPEED if running else min(wait, MAX_WAIT)
        before = moment
        screen.write(text)
        if then - moment < SETTLED:
            continue  # more is on its way: what is there now may be half a picture
        running = running or any(RUNS in line for line in screen.lines)
        window = _window(screen)
        if window != shown and clock - last >= STEP:
            shown, last = window, clock
            yield clock, window
    yield clock + STEP, _window(screen)


def _window(screen: Screen) -> list[str]:
    """What a terminal would show, up to the lines about looking around."""
    lines = screen.lines
    end = next((index - 1 for index, line in enumerate(lines) if line == END), len(lines))
    return [line.rstrip() for line in lines[:end][-ROWS:]]


if __name__ == "__main__":
    sys.exit(main())
