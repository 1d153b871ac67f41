"""The servers that actions connect to, each started on first use."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from dev.charts.tools import HELM3
from orchestrator.kube.resources import DEPLOYMENTS, NODES
from tests.action_faults.pods import Pods
from tests.action_faults.tls import serving
from tests.actions import ScriptRun
from tests.alertmanager import Alertmanager
from tests.alertmanager import running as running_alertmanager
from tests.argo import application_controller, controller
from tests.certificates import ServerCertificate, server_certificate
from tests.gitserver import GitServer
from tests.kube import Kubectl, eventually, execution
from tests.objectstore import ObjectStore
from tests.postgresql import PASSWORD, PostgresqlServer
from tests.prometheus import Prometheus, scraping
from tests.servicemanager import ServiceManager
from tests.smtpserver import SmtpServer
from tests.sshserver import SshServer
from tests.vendors.discord import Discord
from tests.vendors.github import GithubStub
from tests.vendors.gitlab import GitlabStub
from tests.vendors.grafana import GrafanaStub
from tests.vendors.jenkins import JenkinsStub, Job
from tests.vendors.jira import Jira
from tests.vendors.loki import LokiStub
from tests.vendors.opsgenie import Opsgenie
from tests.vendors.pagerduty import PagerDuty
from tests.vendors.servicenow import ServiceNow
from tests.vendors.slack import SlackStub
from tests.vendors.stub import Request, Response, Stub
from tests.vendors.teams import Teams
from tests.vendors.twilio import Twilio

S = TypeVar("S", bound=Stub)
T = TypeVar("T")


class Echo(Stub):
    """An HTTP server that counts what is posted to each path."""

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", "/{name}", self.take)

    def take(self, _request: Request, name: str) -> Response:
        """Take a request."""
        assert name
        return Response(200, b'{"taken": true}', {"Content-Type": "application/json"})


class Servers:
    """The servers by name."""

    def __init__(
        self, folder: Path, kubectl: Kubectl, postgresql: PostgresqlServer, stack: ExitStack
    ) -> None:
        self.folder, self.kubectl, self.postgresql = folder, kubectl, postgresql
        self._stack = stack
        self._made: dict[str, Any] = {}

    def _entered(self, stub: S) -> S:
        self._stack.enter_context(stub)
        return stub

    def _started(self, server: Any) -> Any:
        self._stack.callback(server.stop)
        server.start()
        return server

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    @cached_property
    def echo(self) -> Echo:
        return self._entered(Echo())

    @cached_property
    def slack(self) -> SlackStub:
        return self._entered(SlackStub())

    @cached_property
    def teams(self) -> Teams:
        return self._entered(Teams())

    @cached_property
    def discord(self) -> Discord:
        return self._entered(Discord())

    @cached_property
    def twilio(self) -> Twilio:
        return self._entered(Twilio())

    @cached_property
    def pagerduty(self) -> PagerDuty:
        return self._entered(PagerDuty())

    @cached_property
    def opsgenie(self) -> Opsgenie:
        return self._entered(Opsgenie())

    @cached_property
    def jira(self) -> Jira:
        return self._entered(Jira())

    @cached_property
    def servicenow(self) -> ServiceNow:
        return self._entered(ServiceNow())

    @cached_property
    def github(self) -> GithubStub:
        return self._entered(GithubStub())

    @cached_property
    def gitlab(self) -> GitlabStub:
        return self._entered(GitlabStub())

    @cached_property
    def grafana(self) -> GrafanaStub:
        return self._entered(GrafanaStub())

    @cached_property
    def loki(self) -> LokiStub:
        return self._entered(LokiStub("shop"))

    @cached_property
    def jenkins(self) -> JenkinsStub:
        stub = self._entered(JenkinsStub())
        stub.jobs["shop/main"] = Job(["KEY"], queued=0, running=0)
        return stub

    @cached_property
    def prometheus(self) -> Prometheus:
        folder = self._folder("prometheus")
        rules = folder / "rules.yaml"
        rules.write_text("groups: []\n")
        return self._stack.enter_context(scraping({}, folder, rules))

    @cached_property
    def alertmanager(self) -> Alertmanager:
        return self._stack.enter_context(running_alertmanager(self._folder("alertmanager")))

    @cached_property
    def mail(self) -> SmtpServer:
        # Not a folder of pytest: the server is another user, who could not enter it.
        folder = self._stack.enter_context(TemporaryDirectory())
        return self._stack.enter_context(SmtpServer(Path(folder)).running())

    @cached_property
    def git(self) -> GitServer:
        return self._stack.enter_context(GitServer(self._folder("repositories")))

    @cached_property
    def units(self) -> ServiceManager:
        manager = ServiceManager(self._folder("systemd"))
        self._started(manager)
        manager.define("web", "ExecStart=/bin/sleep 1000")
        return manager

    @cached_property
    def ssh(self) -> SshServer:
        server: SshServer = self._started(SshServer(self._folder("ssh"), self.units.variables))
        return server

    @cached_property
    def storage(self) -> ObjectStore:
        store = ObjectStore(self._folder("storage"))
        store.make_bucket("reports")
        started: ObjectStore = self._started(store)
        return started

    @cached_property
    def certificate(self) -> ServerCertificate:
        return server_certificate(self._folder("certificate"))

    @cached_property
    def tls(self) -> tuple[str, int]:
        """Address of a TLS server with the certificate."""
        return "127.0.0.1", self._stack.enter_context(serving(self.certificate))

    @cached_property
    def pods(self) -> Pods:
        """A Kubernetes API with pods that can be entered, logged and measured."""
        return self._stack.enter_context(Pods())

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` returns, made once for this name."""
        if name not in self._made:
            self._made[name] = make()
        value: T = self._made[name]
        return value

    @cached_property
    def helm(self) -> Path:
        """A folder with Helm as the program `helm`."""
        folder = self._folder("helm")
        (folder / "helm").symlink_to(HELM3.path())
        return folder

    @cached_property
    def dump(self) -> Path:
        """A folder with a backup as database-backup writes it."""
        folder = self._folder("dump")
        path = f"{self.postgresql.programs}:{os.environ['PATH']}"
        parameters = self.postgresql.parameters("faults")
        act = ScriptRun(folder, path, {"password": PASSWORD}, parameters)
        ended = act("database-backup", file="shop.dump")
        assert ended.code == 0, ended.message
        return folder / "workspace"

    def uid_of(self, name: str) -> str:
        """The uid of an execution, to which Jobs can belong."""

        def make() -> str:
            made = self.kubectl.create(execution("none", name))
            return str(made["metadata"]["uid"])

        return self.once(f"execution {name}", make)

    def node(self, name: str) -> str:
        """Name of a new node without a kubelet, which is deleted at the end."""
        unique = f"{name}-{uuid.uuid4().hex[:6]}"
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": unique}}
        api = self.kubectl.api
        api.create(NODES, "", body)
        self._stack.callback(lambda: api.delete(NODES, "", unique, {}))
        return unique

    def deployment(self, name: str) -> dict[str, Any]:
        """A Deployment."""
        return self.kubectl.api.get(DEPLOYMENTS, self.kubectl.namespace, name)

    def rolled_out(self, name: str, revision: int) -> None:
        """Wait until the controller has made a revision of a Deployment."""

        def there() -> bool:
            found = self.deployment(name)
            annotations = found["metadata"].get("annotations", {})
            made = annotations.get("deployment.kubernetes.io/revision")
            observed = found.get("status", {}).get("observedGeneration")
            return bool(observed == found["metadata"]["generation"] and made == str(revision))

        eventually(there)

    def control(self, application: str) -> None:
        """Do what Argo CD does with an Application, until the world ends."""
        self._applications.append(application_controller(self.kubectl, application))

    @cached_property
    def _applications(self) -> list[Callable[[], None]]:
        steps: list[Callable[[], None]] = []

        def step_all() -> None:
            for step in steps:
                step()

        self._stack.enter_context(controller(step_all))
        return steps
