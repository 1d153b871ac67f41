"""Processes that outlive us and are found again by a file, never by name.

A pid alone may have been given to another process since; with the time that the process started
(/proc/PID/stat, field 22) it cannot be mistaken.
"""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import environment, last_line

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_THREADS, _START = 17, 19  # in /proc/PID/stat, counted from the state on (proc_pid_stat(5))


class Processes:
    """The processes of one instance: a record and a log file each."""

    def __init__(self, records: Path, logs: Path) -> None:
        self._records = records
        self._logs = logs

    def names(self) -> list[str]:
        """Every component ever started, running or not."""
        return sorted(record.stem for record in self._records.glob("*.json"))

    def start(self, name: str, argv: list[str]) -> None:
        """Start a component in a session of its own, unless it runs."""
        if self.pid(name) is not None:
            return
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawnp(
            argv[0], argv, environment(), setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # which Python ignores, and children would
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log(name)), write, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )  # fmt: skip
        record = {"pid": pid, "started": _started(pid), "argv": argv}
        self._record(name).write_text(json.dumps(record))

    def restart(self, name: str) -> None:
        """Start a component again as it was started, or let a suspended one go on."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
            return
        if not self._record(name).exists():
            raise ClusterError(f"no component {name}; there are {', '.join(self.names())}")
        self.start(name, json.loads(self._record(name).read_text())["argv"])

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end, by SIGKILL if need be. SIGSTOP only suspends."""
        pid = self.pid(name)
        if pid is None:
            return
        os.kill(pid, how)
        if how == signal.SIGSTOP:
            return
        os.kill(pid, signal.SIGCONT)
        if not self._gone(name, _STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
            self._gone(name, _STOP_SECONDS)

    def pid(self, name: str) -> int | None:
        """The pid of a component that runs."""
        try:
            record = json.loads(self._record(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid = int(record["pid"])
        return pid if record["started"] and _started(pid) == record["started"] else None

    def require(self, name: str) -> None:
        """Raises ClusterError with the log's last line when a component has ended."""
        if self.pid(name) is None:
            said = last_line(self.log(name).read_text(errors="replace")[-4000:])
            raise ClusterError(f"{name} ended: {said[:500]} (see {self.log(name)})")

    def log(self, name: str) -> Path:
        """Where a component's output goes."""
        return self._logs / f"{name}.log"

    def _record(self, name: str) -> Path:
        return self._records / f"{name}.json"

    def _gone(self, name: str, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.pid(name) is not None:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks after boot; None once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A first thread that has ended may leave others, which still hold the process's ports.
    if fields[0] in "ZX" and int(fields[_THREADS]) <= 1:
        _reap(pid)
        return None
    return fields[_START]


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # another process's child
        os.waitpid(pid, os.WNOHANG)
