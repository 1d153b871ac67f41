"""A pytest plugin that runs suites in parallel and reports them in one session.

    pytest -p dev.parallel tests/cluster --split=2 --parallel=tests/e2e --background=tests/unit

Each `--parallel` and each `--background` is a pytest process of its own, and so is each further
part of the split suites. The test files of these are a pool: the main process, the further parts,
and each `--parallel` after its own tests, run the next file that no other has claimed. Each process
has clusters of its own and appends its reports to a file. The main process reads them between two
test files and once the pool is empty, and counts them as its own: progress, failures, the JUnit
report and the summary line cover all suites. A process that ends otherwise than pytest does after
its last test is a failure, with its output.

Suites in the background compute, while the others mostly wait. They start at normal priority, as
they share the machine with the compiler of the control plane. Once the first test of the main
process has its cluster, they only take what the others leave, so that these keep their times.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

FOLDER = Path("build/tests")
"""Of reports and output, below the folder of pytest's configuration."""
NICE = 10
"""Of suites in the background: a tenth of the share of the others, so that none of them starves."""
POLL_SECONDS = 1.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the main process, and the one that it gives to the others."""
    group = parser.getgroup("parallel", "suites in parallel")
    for option, what in (("parallel", ""), ("background", ", which yields to all others")):
        group.addoption(
            f"--{option}", action="append", default=[], metavar="SUITES",
            help=f"run suites (a,b) in a process of their own{what}",
        )  # fmt: skip
    group.addoption("--split", type=int, default=1, metavar="N", help="run the rest in N processes")
    group.addoption("--pool", metavar="SUITES", help="what such a process shares with others")
    group.addoption("--reports", metavar="FILE", help="where such a process writes its reports")


def pytest_configure(config: pytest.Config) -> None:
    """Register what this process is: the main one, or one that reports to it."""
    option = config.option
    if option.reports:
        pool = Pool(config, option.pool.split(",") if option.pool else [])
        config.pluginmanager.register(Reporter(config, pool, Path(option.reports)))
    else:
        pool = Pool(config, config.args)
        config.pluginmanager.register(Suites(config, pool))
    config.pluginmanager.register(Loop(pool))


class Pool:
    """Test files that several processes share: each file is run by the one that claims it first."""

    def __init__(self, config: pytest.Config, suites: list[str]) -> None:
        self._config = config
        self._suites = [(config.invocation_params.dir / suite).resolve() for suite in suites]
        self._claims = config.rootpath / FOLDER / "claims"

    def begin(self) -> None:
        """Forget the claims of the session before."""
        shutil.rmtree(self._claims, ignore_errors=True)
        self._claims.mkdir(parents=True)

    def shares(self, path: Path) -> bool:
        """Whether the file is in the pool."""
        return any(path.is_relative_to(suite) for suite in self._suites)

    def files(self, items: list[pytest.Item]) -> Iterator[list[pytest.Item]]:
        """The tests of the next file to run: first those that are not shared. A file stays whole,
        since its fixtures are shared."""
        by_file: dict[Path, list[pytest.Item]] = {}
        for item in sorted(items, key=lambda item: self.shares(item.path)):
            by_file.setdefault(item.path, []).append(item)
        for path, tests in by_file.items():
            if not self.shares(path):
                yield tests
            elif self._claim(path):
                self._config.hook.pytest_claimed(count=len(tests))
                yield tests

    def _claim(self, path: Path) -> bool:
        name = quote(str(path.relative_to(self._config.rootpath)), safe="")
        try:
            os.close(os.open(self._claims / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


class Hooks:
    """The hook of this plugin."""

    def pytest_claimed(self, count: int) -> None:
        """So many tests of a shared file are run by this process."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hook."""
    pluginmanager.add_hookspecs(Hooks)


class Loop:
    """pytest's loop over the tests, with the files of a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests of this process."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        if session.config.option.collectonly:
            return True
        files = self._pool.files(session.items)
        tests = next(files, None)
        while tests is not None:
            tests = self._run(session, tests, files)
        return True

    def _run(
        self, session: pytest.Session, tests: list[pytest.Item], files: Iterator[list[pytest.Item]]
    ) -> list[pytest.Item] | None:
        """Run the tests of a file; returns those of the next one."""
        following: list[pytest.Item] | None = None
        for item, after in zip(tests, [*tests[1:], None], strict=True):
            if after is None:
                following = next(files, None)
                after = following[0] if following else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        return following


class Reporter:
    """Writes what a main process wants to count, one JSON object a line."""

    def __init__(self, config: pytest.Config, pool: Pool, path: Path) -> None:
        self._config = config
        self._pool = pool
        self._path = path

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The number of its own tests, all of which are going to run."""
        own = sum(not self._pool.shares(item.path) for item in session.items)
        self._write({"collected": own})

    def pytest_claimed(self, count: int) -> None:
        """The main process has counted them."""
        self._write({"claimed": count})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test."""
        hook = self._config.hook
        self._write(hook.pytest_report_to_serializable(config=self._config, report=report))

    def _write(self, message: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message) + "\n")


class Process:
    """A pytest process, its reports and its output."""

    def __init__(
        self, suites: list[str], pool: list[str], folder: Path, options: list[str], number: int
    ) -> None:
        """It runs the suites, and then what it claims of the pool."""
        self.suites = suites or pool
        self._has_own = bool(suites)
        if pool:
            options = [*options, f"--pool={','.join(pool)}"]
        stem = f"{number}-{'-'.join(self.suites).replace('/', '-')}"
        self._reports, self._log = folder / f"{stem}.jsonl", folder / f"{stem}.log"
        self._reports.write_bytes(b"")
        self._read = 0
        self.collected = self.own = self.ended = 0
        command = [sys.executable, "-m", "pytest", *suites, *pool, *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--reports={self._reports}"],
                env={**os.environ, "ITW_CLUSTERS": f"test-{number}"}, preexec_fn=_interruptible,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def messages(self) -> Iterator[dict[str, Any]]:
        """What it has written since the last call."""
        with self._reports.open("rb") as file:
            file.seek(self._read)
            lines = file.read()
        complete = lines[: lines.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            message = json.loads(line)
            self.collected += message.get("collected", 0) + message.get("claimed", 0)
            self.own += message.get("collected", 0)
            self.ended += message.get("when") == "teardown"
            yield message

    def problem(self, *, stopped: bool) -> str | None:
        """Why an ended process did not do what it had to, with its output.

        `stopped`: it may have left tests out, as it was to stop at a failure.
        """
        wrong = None
        if self.code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            wrong = f"ended with exit code {self.code}"
        elif self._has_own and not self.own:
            wrong = "has no test"
        elif self.ended != self.collected and not stopped:
            wrong = f"ended after {self.ended} of {self.collected} tests"
        if wrong is None:
            return None
        output = self._log.read_text(errors="replace")[-20_000:]
        return f"pytest {' '.join(self.suites)} {wrong}; its output:\n\n{output}"

    def yield_to_others(self) -> None:
        """Lower the priority of the process and of those that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PGRP, self._process.pid, NICE)
        # Where the kernel groups processes by session, only the group's own niceness counts.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/autogroup").write_text(str(NICE))

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def stop(self) -> None:
        """Interrupt it, so that its fixtures remove what they made."""
        if self.code is None:
            os.killpg(self._process.pid, signal.SIGINT)
            self.wait(60)
        if self.code is None:
            os.killpg(self._process.pid, signal.SIGKILL)


def _interruptible() -> None:
    """A shell that starts the main process in the background has it ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Suites:
    """The suites that run in other processes, as parts of the main session."""

    def __init__(self, config: pytest.Config, pool: Pool) -> None:
        self._config = config
        self._pool = pool
        self._background: list[Process] = []
        self._processes: list[Process] = []
        self._lowered = False

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Start them all, unless nothing is to run."""
        option = session.config.option
        if option.collectonly:
            return
        self._pool.begin()
        ours = ("--parallel", "--background", "--split")
        given = session.config.invocation_params.args
        pool = session.config.args
        options = [each for each in given if each not in pool and not each.startswith(ours)]
        for _ in range(1, option.split):
            self._start([], pool, options)
        for suites in option.parallel:
            self._start(suites.split(","), pool, options)
        for suites in option.background:
            self._background.append(self._start(suites.split(","), [], options))

    def _start(self, suites: list[str], pool: list[str], options: list[str]) -> Process:
        folder = self._config.rootpath / FOLDER
        process = Process(suites, pool, folder, options, len(self._processes) + 1)
        self._processes.append(process)
        return process

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """After the last test of a file: what the others reported meanwhile."""
        done = yield
        if nextitem is None or nextitem.path != item.path:
            self._forward(item.session)
        return done

    def pytest_runtest_logreport(self) -> None:
        """With the first report of a test the main process has its cluster."""
        if not self._lowered:
            self._lowered = True
            for process in self._background:
                process.yield_to_others()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """After the tests of the main process: the rest of the others', as it comes."""
        done = yield
        running = list(self._processes)
        while running:
            running[0].wait(POLL_SECONDS)
            ended = [process for process in running if process.code is not None]
            self._forward(session)
            for process in ended:
                self._judge(session, process)
                running.remove(process)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
        return done

    def pytest_sessionfinish(self) -> None:
        """Leave none behind when the session was interrupted."""
        for process in self._processes:
            process.stop()

    def _forward(self, session: pytest.Session) -> None:
        for process in self._processes:
            for message in process.messages():
                if "collected" in message:
                    session.testscollected += message["collected"]
                elif "claimed" not in message:
                    self._report(message)

    def _report(self, message: dict[str, Any]) -> None:
        hook = self._config.hook
        report = hook.pytest_report_from_serializable(config=self._config, data=message)
        if isinstance(report.longrepr, list):  # JSON has no tuples: where and why it was skipped
            report.longrepr = tuple(report.longrepr)
        if report.when == "setup":
            hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
        hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)

    def _judge(self, session: pytest.Session, process: Process) -> None:
        """Count a process that broke off as one more test, which failed."""
        problem = process.problem(stopped=bool(self._config.option.maxfail))
        if problem is None:
            return
        session.testscollected += 1
        name = " ".join(process.suites)
        report = pytest.TestReport(name, (name, None, name), {}, "failed", problem, "call")
        self._config.hook.pytest_runtest_logreport(report=report)
