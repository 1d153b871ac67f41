"""A fake cluster with executions and revisions, and with users who have different rights.

Of server-side apply it implements what decisions and signals need: an entry is identified by its
keys, and fields that the patch does not name are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.engine.lifecycle.admission import Prepared, prepare
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.access import Access
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.kube.media_types import JSON_PATCH
from orchestrator.kube.resources import Resource
from orchestrator.session.errors import NotFoundError, UsageError
from tests.builders import IMAGE
from tests.simulation.world import START

_KEYS = {"decisions": ("node", "by"), "signals": ("id",)}


@dataclass
class ClusterState:
    """The objects of the cluster; `interrupt` runs once, before the next write."""

    objects: dict[tuple[str, str, str], Raw] = field(default_factory=dict)
    version: int = 1
    interrupt: Callable[[], None] | None = None

    def put(self, kind: str, namespace: str, name: str, **fields: Any) -> Raw:
        """Create or replace an object."""
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
        raw: Raw = {"kind": kind, "metadata": metadata, **fields}
        self.store(raw)
        return raw

    def store(self, raw: Raw) -> None:
        self.version += 1
        raw["metadata"]["resourceVersion"] = str(self.version)
        metadata = raw["metadata"]
        self.objects[raw["kind"], metadata["namespace"], metadata["name"]] = raw

    def ask(self, name: str = "run", namespace: str = "default", **more: Any) -> dict[str, Any]:
        """An execution that waits for the approval `ask`; more: approval, spec, record, nodes."""
        approval = {"approvers": ["group:sre", "user:ana"], **more.pop("approval", {})}
        nodes = [{"name": "ask", "approval": approval}, {"name": "go", "transform": {"x": "1"}}]
        flow = {"nodes": nodes, "edges": [{"from": "ask", "to": "go"}]}
        prepared = prepare("flow", flow, {}, IMAGE)
        assert isinstance(prepared, Prepared), prepared
        revision = prepared.revision.name
        self.put("ControllerRevision", namespace, revision, data=prepared.revision.data)
        record = {
            "phase": "Waiting",
            "reason": "AwaitingApproval",
            "startedAt": to_rfc3339(START),
            **more.pop("record", {}),
        }
        status = {
            "phase": "Running",
            "revision": revision,
            "startedAt": to_rfc3339(START),
            "nodes": {"ask": record},
        }
        spec = {"workflow": "flow", "requester": "cas", **more.pop("spec", {})}
        assert not more
        return self.put("WorkflowExecution", namespace, name, spec=spec, status=status)

    def decisions(self, name: str = "run") -> list[Raw]:
        """The decisions of an execution, without their moment."""
        raw = self.objects["WorkflowExecution", "default", name]
        return [
            {key: value for key, value in entry.items() if key != "at"}
            for entry in raw["spec"].get("decisions", [])
        ]


class FakeCluster(Cluster):
    """The cluster as one user may use it."""

    def __init__(
        self,
        stored: ClusterState,
        user: str,
        groups: Sequence[str],
        namespace: str,
        lacks: Sequence[str],
    ) -> None:
        super().__init__(BlockingTransport(Access("http://nowhere")), namespace)
        self._stored = stored
        self._identity = user, list(groups)
        self._lacks = lacks

    @property
    def user(self) -> str:
        return self._identity[0]

    @property
    def groups(self) -> list[str]:
        return self._identity[1]

    def within(self, namespace: str | None) -> Cluster:
        return FakeCluster(self._stored, *self._identity, namespace or self.namespace, self._lacks)

    def find(self, kind: Resource, name: str) -> Raw | None:
        if f"get {kind.plural}" in self._lacks:
            raise UsageError(f"you may not do this: cannot get {kind.plural}")
        found = self._stored.objects.get((kind.kind, self.namespace, name))
        return copy.deepcopy(found)

    def list(
        self, kind: Resource, *, every: bool = False, query: Mapping[str, str] | None = None
    ) -> Raw:
        ended = [
            part.rpartition("=")[2] for part in (query or {}).get("fieldSelector", "").split(",")
        ]
        items = [
            copy.deepcopy(raw)
            for (name, namespace, _), raw in self._stored.objects.items()
            if name == kind.kind
            and (every or namespace == self.namespace)
            and raw.get("status", {}).get("phase") not in ended
        ]
        return {"items": items}

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        accept: str = "",  # noqa: ARG002
    ) -> Raw:
        assert query is None or query["fieldManager"]
        assert isinstance(body, list) == (content_type == JSON_PATCH)
        if path.endswith("selfsubjectaccessreviews"):
            verb = body["spec"]["resourceAttributes"]["verb"]
            return {"status": {"allowed": verb not in self._lacks}}
        if self._stored.interrupt is not None:
            interrupt, self._stored.interrupt = self._stored.interrupt, None
            interrupt()
        name = path.rpartition("/")[2]
        found = self._stored.objects.get(("WorkflowExecution", self.namespace, name))
        if method != "PATCH" or found is None:
            raise NotFoundError(f"{method} {path}")
        new = copy.deepcopy(found)
        if isinstance(body, list):
            _patch(new, body)
        else:
            _apply(new, body)
        self._stored.store(new)
        return new


@dataclass(frozen=True)
class UserTarget(Target):
    """A user at the command line; `lacks` are verbs, or `get PLURAL`, that they may not use."""

    stored: ClusterState = field(default_factory=ClusterState)
    user: str = "ana"
    groups: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def connect(self, *, timeout: float | None = None) -> Cluster:  # noqa: ARG002
        return FakeCluster(
            self.stored, self.user, self.groups, self.namespace or "default", self.lacks
        )


def _patch(raw: Raw, steps: Sequence[Raw]) -> None:
    for step in steps:
        *parents, last = step["path"].strip("/").split("/")
        parent: Any = raw
        for key in parents:
            parent = parent[int(key) if isinstance(parent, list) else key]
        where = int(last) if isinstance(parent, list) else last
        if step["op"] == "test" and parent[where] != step["value"]:
            raise UsageError("testing path failed")
        if step["op"] == "replace":
            parent[where] = step["value"]


def _apply(raw: Raw, body: Raw) -> None:
    for name, entries in body["spec"].items():
        there = raw["spec"].setdefault(name, [])
        for entry in entries:
            keys = [entry[key] for key in _KEYS[name]]
            old = next((one for one in there if [one[key] for key in _KEYS[name]] == keys), None)
            if old is None:
                there.append(entry)
            else:
                old |= entry
