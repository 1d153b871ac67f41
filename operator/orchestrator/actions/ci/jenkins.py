"""Builds of Jenkins by its REST API: https://www.jenkins.io/doc/book/using/remote-access-api/."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from orchestrator.actions.action import ActionError
from orchestrator.actions.rest import Api

POLL = 5.0
"""Seconds between two reads of a queue item or of a build."""
STOP_SECONDS = 10.0
"""Seconds to stop a build after the timeout."""
RECENT = 100
"""Number of builds among which that of an earlier attempt is found."""
MAX_FAILED_TESTS = 10
"""Number of failed tests that are listed."""
_QUEUE_ITEM = re.compile(r"/queue/item/(\d+)/?$")
_FAILED = ("FAILED", "REGRESSION")
Value = str | int | float | bool


class Result(StrEnum):
    """How a build ended: hudson.model.Result."""

    SUCCESS = "SUCCESS"
    UNSTABLE = "UNSTABLE"
    FAILURE = "FAILURE"
    NOT_BUILT = "NOT_BUILT"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class Build:
    """A build of a job."""

    number: int
    url: str
    result: str = ""
    """How it ended; empty while it runs."""
    seconds: int = 0
    """Duration of the build."""
    repeated: bool = False
    """Whether an earlier attempt had started it."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """The results of a build's tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    names: list[str] = field(default_factory=list)
    """The first failed tests."""


@dataclass
class Jenkins:
    """A job of a Jenkins server."""

    api: Api
    job: str
    """Path of the job; folders and branches are separated by slashes."""

    @property
    def _path(self) -> str:
        return "".join(f"/job/{quote(part, safe='')}" for part in self.job.strip("/").split("/"))

    def start(self, parameters: dict[str, Value], key_parameter: str, key: str) -> int | Build:
        """Start a build; returns the id of its queue item, or the build of an earlier attempt.

        Only with `key_parameter` is the build of an earlier attempt recognized.
        """
        self._authenticate()
        given = {name: _text(value) for name, value in parameters.items()}
        if key_parameter:
            given[key_parameter] = key
        declared = self._check(given)
        if key_parameter and (earlier := self._earlier(key_parameter, key)):
            self.api.context.log(f"{self.job} was started by an earlier attempt")
            return earlier
        path = f"{self._path}/{'buildWithParameters' if declared else 'build'}"
        response = self.api.call("POST", path, data=given or None)
        found = _QUEUE_ITEM.search(response.headers.get("Location", ""))
        if response.status_code != 201 or not found:
            raise ActionError(f"Jenkins did not queue {self.job}", permanent=True)
        self.api.context.log(f"{self.job} is queued as item {found[1]}")
        return int(found[1])

    def wait(self, started: int | Build) -> Build:
        """The build once it has ended, whether well or not."""
        build = started if isinstance(started, Build) else self._left_queue(started)
        self.api.context.log(f"build {build.number} of {self.job} is running: {build.url}")
        ended = self.api.wait(
            lambda: self._ended(build.number),
            POLL,
            lambda: f"build {build.number} of {self.job} has not ended",
        )
        self.api.context.log(f"build {build.number} ended with {ended.result}")
        return replace(ended, repeated=isinstance(started, Build))

    def stop(self, started: int | Build) -> None:
        """Cancel a queue item, or stop its build; ignores failures, since the action has failed."""
        self.api.deadline = self.api.context.clock.monotonic() + STOP_SECONDS
        with contextlib.suppress(Exception):
            number = started.number if isinstance(started, Build) else self._number(started)
            if number is None:
                self.api.call("POST", f"/queue/cancelItem?id={started}", accept=(302, 404))
            else:
                self.api.call("POST", f"{self._path}/{number}/stop", accept=(302, 404))
            self.api.context.log(f"the build of {self.job} is stopped")

    def tests(self, build: Build) -> TestReport | None:
        """The test report of a build; None if it has none."""
        tree = "passCount,failCount,skipCount,totalCount,suites[cases[className,name,status]]"
        path = f"{self._path}/{build.number}/testReport/api/json?tree={tree}"
        response = self.api.call("GET", path, accept=(404,))
        if response.status_code == 404:
            return None
        report = self.api.parsed(response)
        failed, skipped = report.get("failCount", 0), report.get("skipCount", 0)
        cases = [case for suite in report.get("suites", []) for case in suite.get("cases", [])]
        names = [
            f"{case['className']}.{case['name']}" for case in cases if case["status"] in _FAILED
        ]
        return TestReport(
            passed=report.get("passCount", report.get("totalCount", 0) - failed - skipped),
            failed=failed,
            skipped=skipped,
            names=names[:MAX_FAILED_TESTS],
        )

    def _authenticate(self) -> None:
        """Send a crumb with all further requests; it belongs to the session's cookie."""
        response = self.api.call("GET", "/crumbIssuer/api/json", accept=(404,))
        if response.status_code == 404:  # protection against cross-site requests is disabled
            return
        crumb = self.api.parsed(response)
        self.api.headers = {**self.api.headers, crumb["crumbRequestField"]: crumb["crumb"]}

    def _check(self, given: dict[str, str]) -> bool:
        """Whether the job has parameters; raises ActionError for one that it does not have, since
        Jenkins ignores it."""
        tree = "buildable,property[parameterDefinitions[name]]"
        job = self.api.json("GET", f"{self._path}/api/json?tree={tree}")
        if job.get("buildable") is False:
            raise ActionError(f"{self.job} is disabled in Jenkins", permanent=True)
        declared = [
            each["name"]
            for one in job.get("property", [])
            for each in one.get("parameterDefinitions") or []
        ]
        if unknown := sorted(given.keys() - set(declared)):
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise ActionError(
                f"{self.job} has no parameter {', '.join(unknown)}; {has}", permanent=True
            )
        return bool(declared)

    def _earlier(self, parameter: str, key: str) -> int | Build | None:
        """The queue item or the build that holds this key; None if there is none."""
        marks = "actions[parameters[name,value]]"
        for item in self.api.json("GET", f"/queue/api/json?tree=items[id,{marks}]")["items"]:
            if _has(item, parameter, key):
                return int(item["id"])
        path = f"{self._path}/api/json?tree=builds[number,url,result,{marks}]{{0,{RECENT}}}"
        for build in self.api.json("GET", path)["builds"]:
            # One that an earlier attempt stopped, as it was given up, is started again.
            if _has(build, parameter, key) and build.get("result") != "ABORTED":
                return Build(build["number"], build["url"], repeated=True)
        return None

    def _number(self, item: int) -> int | None:
        """The number of the build of a queue item; None while it is queued."""
        queued = self.api.json("GET", f"/queue/item/{item}/api/json")
        if queued.get("cancelled"):
            raise ActionError(f"queue item {item} of {self.job} was cancelled", permanent=True)
        executable = queued.get("executable")
        return int(executable["number"]) if executable else None

    def _left_queue(self, item: int) -> Build:
        def read() -> Build | None:
            number = self._number(item)
            return None if number is None else self._read(number)

        return self.api.wait(read, POLL, lambda: f"{self.job} is still queued as item {item}")

    def _ended(self, number: int) -> Build | None:
        build = self._read(number)
        return build if build.result else None

    def _read(self, number: int) -> Build:
        path = f"{self._path}/{number}/api/json?tree=number,url,building,result,duration"
        build = self.api.json("GET", path)
        ended = not build.get("building") and build.get("result")
        return Build(
            number=number,
            url=build.get("url", ""),
            result=build["result"] if ended else "",
            seconds=round(build.get("duration", 0) / 1000),
        )


def _has(item: dict[str, Any], parameter: str, key: str) -> bool:
    """Whether a queue item or a build was started with this value of a parameter."""
    given = (each for action in item.get("actions", []) for each in action.get("parameters", []))
    return any(each.get("name") == parameter and each.get("value") == key for each in given)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
