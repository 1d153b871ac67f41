"""An environment with the REST API and a history in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.engine.lifecycle.revision import Revision
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.base import GROUP
from tests.api_process import ApiUser, token_of
from tests.cluster.api_environment import ApiEnvironment, api_environment
from tests.history_database import HistoryDatabase, delete, end, revision_of
from tests.kube import Kubectl, eventually, execution, workflow
from tests.postgresql import PostgresqlServer

SPEC: dict[str, Any] = {
    "nodes": [{"name": "hold", "wait": {"signal": "go"}}, {"name": "spare", "delay": "1s"}],
    "edges": [{"from": "hold", "to": "spare"}],
}
REVISION = revision_of("w", SPEC)
NOW = datetime.now(UTC).replace(microsecond=0)


def at(minutes: float) -> str:
    """The time of so many minutes ago."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


RECORD = {
    "phase": "Succeeded",
    "reason": "Succeeded",
    "startedAt": at(9),
    "finishedAt": at(8),
    "attempts": 1,
}
STATUS = {
    "phase": "Succeeded",
    "reason": "Succeeded",
    "message": "all nodes succeeded",
    "startedAt": at(9),
    "finishedAt": at(7),
    "revision": REVISION.name,
    "nodes": {"hold": RECORD},
}


@dataclass(frozen=True)
class HistoryEnvironment:
    """An API with a history; `operator` is the kubeconfig of the account that ends executions."""

    api: ApiEnvironment
    history: HistoryDatabase
    server: PostgresqlServer
    operator: Path

    def __getitem__(self, user: str) -> ApiUser:
        return self.api[user]

    @property
    def where(self) -> str:
        return f"?namespace={self.api.namespace}"

    def with_rights(self, name: str, *resources: str, verbs: str = "get") -> ApiUser:
        """A user who has these verbs on these resources, and no other right."""
        admin = self.api.admin
        admin("create", "role", name, f"--verb={verbs}", f"--resource={','.join(resources)}")
        token = token_of(admin, name)
        account = f"--serviceaccount={admin.namespace}:{name}"
        admin("create", "rolebinding", name, f"--role={name}", account)
        user = self.api["anyone"].within(token)
        eventually(lambda: self._holds(user, verbs.partition(",")[0], resources[0]))
        return user

    def _holds(self, user: ApiUser, verb: str, resource: str) -> bool:
        """Whether the role is in effect."""
        asked = {"verb": verb, "resource": resource, "group": GROUP}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**asked, "namespace": self.api.namespace}},
        }
        path = "/kubernetes/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(user("POST", path, body).body["status"].get("allowed"))

    def started(
        self,
        name: str,
        kubectl: Kubectl | None = None,
        label: str = "",
        own: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Create an execution; `own` are further fields of its spec."""
        admin = kubectl or self.api.admin
        made = execution("w", name, **(own or {}))
        if label:
            made["metadata"]["labels"] = {"list": label}
        return admin.api.create(EXECUTIONS, admin.namespace, made)

    def ended(
        self,
        name: str,
        kubectl: Kubectl | None = None,
        label: str = "",
        own: Mapping[str, Any] | None = None,
        ran: Revision = REVISION,
        **changed: Any,
    ) -> dict[str, Any]:
        """Create an execution and end it; `changed` are further fields of its status."""
        self.started(name, kubectl, label, own)
        admin = kubectl or self.api.admin
        status = {**STATUS, "revision": ran.name, **changed}
        return end(Kubectl(self.operator, admin.namespace), name, status)

    def removed(
        self,
        name: str,
        kubectl: Kubectl | None = None,
        ran: Revision = REVISION,
        **changed: Any,
    ) -> dict[str, Any]:
        """Record an ended execution, and delete it from the cluster."""
        raw = self.ended(name, kubectl, ran=ran, **changed)
        self.history.record(raw, revision=ran)
        delete(kubectl or self.api.admin, name)
        return raw


@contextmanager
def history_environment(
    kubeconfig: Path, account: Path, postgresql: PostgresqlServer, folder: Path
) -> Iterator[HistoryEnvironment]:
    """A running API with a history, and the Workflow `w`."""
    history = HistoryDatabase(postgresql, folder)
    with api_environment(kubeconfig, folder, f"--database-file={history.file}") as api:
        api.admin.apply(workflow("w", **SPEC))
        view = api["view"]
        eventually(lambda: view("GET", f"/workflows?namespace={api.namespace}").status == 200)
        yield HistoryEnvironment(api, history, postgresql, account)
