"""The environment of the shipped workflow templates: a namespace, and external servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.commandline import CommandLine
from tests.kube import Kubectl, ended, eventually, execution
from tests.servicemanager import ServiceManager
from tests.sshserver import SshServer
from tests.vendors.jenkins import JenkinsStub
from tests.vendors.jira import Jira
from tests.vendors.pagerduty import PagerDuty
from tests.vendors.slack import SlackStub

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD: dict[str, Any] = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class ExternalServers:
    """Servers outside the cluster, at the host's address for pods."""

    host: str
    slack: SlackStub
    jira: Jira
    pagerduty: PagerDuty
    jenkins: JenkinsStub
    ssh: SshServer
    units: ServiceManager


@dataclass(frozen=True)
class Environment:
    """A namespace with Secrets and the rights of the shipped actions; the operator is running."""

    kubectl: Kubectl
    site: ExternalServers
    approver: CommandLine
    """The command line of Ana, who is in the group sre."""
    started: list[str] = field(default_factory=list)

    def make(self, template: str, **values: object) -> None:
        """Create a Workflow with a Template's name from it."""
        given = [f"--var={name}={value}" for name, value in values.items()]
        cli = CommandLine(self.kubectl.kubeconfig, self.kubectl.namespace)
        done = cli("new", template, "--from", template, *given)
        assert done.returncode == 0, done.stderr

    def start(self, template: str, **variables: Any) -> str:
        """Start an execution of it; its name."""
        name = f"run-{len(self.started)}"
        self.started.append(name)
        self.kubectl.create(execution(template, name, variables=variables, requester="admin"))
        return name

    def run(self, template: str, **variables: Any) -> dict[str, Any]:
        """An execution of it that has ended."""
        return ended(self.kubectl, self.start(template, **variables), 300)

    def decide(self, name: str, verb: str = "approve") -> None:
        """Decide as Ana once the execution waits for an approval."""

        def waits() -> bool:
            nodes = (self.kubectl.get("awfx", name).get("status") or {}).get("nodes") or {}
            return any(node.get("reason") == "AwaitingApproval" for node in nodes.values())

        eventually(waits, 240)
        done = self.approver(verb, name)
        assert done.returncode == 0, done.stderr

    def incident(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The incident that the execution opened."""
        name = raw["status"]["nodes"]["open"]["outputs"]["name"]
        found: dict[str, Any] = self.kubectl.get("incident", name)["spec"]
        return found


SERVE = "python3 -m http.server -d /bin 8080 || httpd -f -p 8080 -h /bin"


def application(image: str, command: str = SERVE) -> list[dict[str, Any]]:
    """The Deployment `web` of one pod, and its Service."""
    labels = {"app": "web"}
    container = {
        "name": "web",
        "image": image,
        "command": ["/bin/sh", "-c", command],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": {**RESTRICTED, "runAsUser": 65532},
    }
    pod = {"securityContext": POD, "terminationGracePeriodSeconds": 1, "containers": [container]}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]
