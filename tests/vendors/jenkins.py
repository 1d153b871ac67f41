"""Jenkins as strict as its remote access API: crumbs that belong to a session, queue items, builds.

https://www.jenkins.io/doc/book/security/csrf-protection/ and
https://www.jenkins.io/doc/book/using/remote-access-api/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

USER, TOKEN = "automation", planted("jenkins")
CRUMB = {"Jenkins-Crumb": "c0ffee"}
SESSION = "JSESSIONID.1=s1"


@dataclass
class Job:
    """A job; a build of it is queued and runs for so many reads."""

    parameters: list[str] = field(default_factory=list)
    result: str = "SUCCESS"
    queued: int = 1
    running: int = 1
    enabled: bool = True
    report: dict[str, Any] | None = None
    cancelled: bool = False


@dataclass
class Built:
    job: str
    number: int
    given: dict[str, str]
    waits: int
    runs: int
    stopped: bool = False


class JenkinsStub(Stub):
    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.builds: list[Built] = []
        self.csrf = True
        self.route("GET", "/crumbIssuer/api/json", self.crumb)
        self.route("GET", "/queue/api/json", self.queue)
        self.route("GET", "/queue/item/{item}/api/json", self.queue_item)
        self.route("POST", "/queue/cancelItem", self.cancel)
        self.route("GET", "/job/{folder}/job/{name}/api/json", self.job)
        self.route("POST", "/job/{folder}/job/{name}/build", self.build)
        self.route("POST", "/job/{folder}/job/{name}/buildWithParameters", self.build)
        self.route("GET", "/job/{folder}/job/{name}/{number}/api/json", self.read)
        self.route("GET", "/job/{folder}/job/{name}/{number}/testReport/api/json", self.report)
        self.route("POST", "/job/{folder}/job/{name}/{number}/stop", self.stop)

    def error(self, refusal: RefusedError) -> Response:
        page = f"<html><body><h1>HTTP ERROR {refusal.status}</h1>{refusal.message}</body></html>"
        return Response(refusal.status, page.encode(), {"Content-Type": "text/html"})

    def crumb(self, request: Request) -> Response:
        request.demand_basic(USER, TOKEN)
        if not self.csrf:
            raise RefusedError(404, "no crumb issuer")
        (name, value), *_ = CRUMB.items()
        body = {"crumb": value, "crumbRequestField": name}
        return json_response(200, body, Set_Cookie=f"{SESSION}; Path=/; HttpOnly")

    def _post(self, request: Request) -> None:
        request.demand_basic(USER, TOKEN)
        if self.csrf:
            for name, value in CRUMB.items():
                request.demand_header(name, value, 403)
            request.demand_header("Cookie", SESSION, 403)

    def _job(self, folder: str, name: str) -> Job:
        if (path := f"{folder}/{name}") not in self.jobs:
            raise RefusedError(404, f"no job {path}")
        return self.jobs[path]

    def job(self, request: Request, folder: str, name: str) -> Response:
        request.demand_basic(USER, TOKEN)
        job = self._job(folder, name)
        definitions = [{"name": each} for each in job.parameters]
        properties = [{"parameterDefinitions": definitions}] if definitions else [{}]
        builds = [
            {
                "number": each.number,
                "url": self._url(each),
                "result": self._result(each),
                "actions": _marks(each),
            }
            for each in reversed(self.builds)
            if not each.waits
        ]
        return json_response(
            200, {"buildable": job.enabled, "property": properties, "builds": builds}
        )

    def build(self, request: Request, folder: str, name: str) -> Response:
        self._post(request)
        job = self._job(folder, name)
        if not job.enabled:
            raise RefusedError(409, f"{name} is not buildable")
        with_parameters = request.path.endswith("/buildWithParameters")
        if job.parameters and not with_parameters:
            raise RefusedError(400, "Nothing is submitted")
        if with_parameters and not job.parameters:
            raise RefusedError(500, f"{name} is not parameterized")
        fields = parse_qs(request.body.decode(), keep_blank_values=True)
        given = {each: texts[0] for each, texts in fields.items() if each in job.parameters}
        number = len(self.builds) + 1
        self.builds.append(Built(f"{folder}/{name}", number, given, job.queued, job.running))
        # The root URL of the configuration, by which the action cannot reach the server.
        location = f"https://jenkins.invalid/queue/item/{100 + number}/"
        return Response(201, b"", {"Location": location})

    def queue(self, request: Request) -> Response:
        request.demand_basic(USER, TOKEN)
        queued = [each for each in self.builds if each.waits]
        items = [{"id": 100 + each.number, "actions": _marks(each)} for each in queued]
        return json_response(200, {"items": items})

    def _built(self, number: int) -> Built:
        if not 0 < number <= len(self.builds):
            raise RefusedError(404, f"no build {number}")
        return self.builds[number - 1]

    def queue_item(self, request: Request, item: str) -> Response:
        request.demand_basic(USER, TOKEN)
        build = self._built(int(item) - 100)
        if self.jobs[build.job].cancelled or build.stopped:
            return json_response(200, {"id": int(item), "cancelled": True})
        if build.waits:
            build.waits -= 1
            return json_response(200, {"id": int(item), "why": "Waiting for next executor"})
        executable = {"number": build.number, "url": self._url(build)}
        return json_response(200, {"id": int(item), "executable": executable})

    def read(self, request: Request, folder: str, name: str, number: str) -> Response:
        request.demand_basic(USER, TOKEN)
        assert self._job(folder, name)
        build = self._built(int(number))
        running = build.runs > 0 and not build.stopped
        build.runs -= running
        result = None if running else self._result(build)
        found = {"number": build.number, "url": self._url(build), "building": running}
        return json_response(200, {**found, "result": result, "duration": 61_000})

    def report(self, request: Request, folder: str, name: str, number: str) -> Response:
        request.demand_basic(USER, TOKEN)
        if (report := self._job(folder, name).report) is None:
            raise RefusedError(404, f"build {number} has no test report")
        return json_response(200, report)

    def stop(self, request: Request, folder: str, name: str, number: str) -> Response:
        self._post(request)
        assert self._job(folder, name)
        self._built(int(number)).stopped = True
        return Response(302, b"", {"Location": "https://jenkins.invalid/"})

    def cancel(self, request: Request) -> Response:
        self._post(request)
        self._built(int(request.query["id"][0]) - 100).stopped = True
        return Response(302, b"", {"Location": "https://jenkins.invalid/"})

    def _result(self, build: Built) -> str | None:
        if build.stopped:
            return "ABORTED"
        return None if build.runs > 0 else self.jobs[build.job].result

    @staticmethod
    def _url(build: Built) -> str:
        return f"https://jenkins.invalid/job/{build.job.replace('/', '/job/')}/{build.number}/"


def _marks(build: Built) -> list[dict[str, Any]]:
    given = [{"name": name, "value": value} for name, value in build.given.items()]
    return [{"parameters": given}, {}]
