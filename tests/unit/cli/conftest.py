"""Fixtures: the command line in this process, and the fake API server in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from orchestrator.engine.lifecycle.admission import Prepared, prepare
from orchestrator.kube.resources import KINDS
from orchestrator.models.base import API_VERSION
from tests.apiserver import ApiServer
from tests.builders import IMAGE
from tests.commandline import Done, kubeconfig_of, run_here
from tests.kube import eventually

T = TypeVar("T")
PLURALS = {kind.kind: kind.plural for kind in KINDS} | {
    "ControllerRevision": "controllerrevisions",
    "Pod": "pods",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Namespace": "namespaces",
}


RESOURCES = {
    "/api/v1": [("ConfigMap", "configmaps", True), ("Namespace", "namespaces", False)],
    "/apis/apps/v1": [("Deployment", "deployments", True)],
}
"""Kinds of others, as discovery lists them."""


class Served(ApiServer):
    """It says who the user is and which kinds there are, has logs, and can be asked to try."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, list[str]] = {}
        """Lines by pod, each after its timestamp."""
        self.refused_logs: set[str] = set()
        """Pods that have no log."""
        self.queries: list[dict[str, str]] = []
        """What was asked of logs."""
        self.managers: list[str] = []
        """Field managers of what was changed."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in RESOURCES:
            listed = [
                {"kind": kind, "name": name, "namespaced": namespaced}
                for kind, name, namespaced in RESOURCES[request.path]
            ]
            return web.json_response({"resources": [*listed, {"name": "x/status", "kind": "X"}]})
        if request.path.endswith("/log"):
            self.queries.append(dict(request.query))
            if request.path.split("/")[-2] in self.refused_logs:
                refusal = {"message": "container is waiting to start", "reason": "BadRequest"}
                return web.json_response(refusal, status=400)
            lines = self.logs[request.path.split("/")[-2]]
            if not request.query.get("timestamps"):
                lines = [line.partition(" ")[2] for line in lines]
            return web.Response(text="".join(f"{line}\n" for line in lines))
        if request.method == "PATCH":
            self.managers.append(request.query.get("fieldManager", ""))
        if not request.query.get("dryRun"):
            return await super().answer(request)
        before = dict(self.objects)
        try:
            return await super().answer(request)
        finally:
            self.objects = before

    def list(self, request: web.Request, plural: str, namespace: str | None) -> web.Response:
        if "PartialObjectMetadata" in request.headers.get("Accept", "") and not any(
            kind == plural and namespace in (None, scope) for kind, scope, _ in self.objects
        ):
            return web.json_response({"metadata": {}, "items": None})  # as the real one does
        return super().list(request, plural, namespace)

    async def create(self, request: web.Request, plural: str, namespace: str) -> web.Response:
        match plural:
            case "selfsubjectreviews":
                return web.json_response({"status": {"userInfo": {"username": "ana"}}})
            case "selfsubjectaccessreviews":
                return web.json_response({"status": {"allowed": True}})
        return await super().create(request, plural, namespace)


class CliEnvironment:
    """A fake cluster, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.server = Served()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._makers: list[threading.Thread] = []
        self.kubeconfig = kubeconfig_of(self._await(self.server.start()), folder / "kubeconfig")

    def close(self) -> None:
        """End the server."""
        for maker in self._makers:
            maker.join()
        self._await(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def put(self, kind: str, name: str, namespace: str = "default", **fields: Any) -> None:
        """Create or replace an object."""
        fields = {"apiVersion": API_VERSION, "kind": kind, **fields}
        self._await(self.server.put(PLURALS[kind], namespace, name, **fields))

    def once_watched(self, *changes: Callable[[], None]) -> None:
        """Make the changes one after the other once the command that is run then watches."""
        watched = self.server.watched

        def make() -> None:
            eventually(lambda: self.server.watched > watched)
            for change in changes:
                change()

        maker = threading.Thread(target=make)
        self._makers.append(maker)
        maker.start()

    @property
    def managers(self) -> list[str]:
        """The field managers of what was changed."""
        return self.server.managers

    def freeze(self, name: str, workflow: dict[str, Any]) -> str:
        """The revision of a Workflow's spec, stored; its name."""
        prepared = prepare(name, workflow, {}, IMAGE)
        assert isinstance(prepared, Prepared), prepared
        revision = prepared.revision
        self.put("ControllerRevision", revision.name, data=revision.data)
        return revision.name

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """An object as it is stored."""
        return self.server.objects[PLURALS[kind], namespace, name]

    def names(self, kind: str) -> list[str]:
        """The names of the objects of a kind."""
        return [name for plural, _, name in self.server.objects if plural == PLURALS[kind]]

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command to its end."""
        return self.alone("--kubeconfig", str(self.kubeconfig), *arguments, stdin=stdin)

    def alone(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command without being told of the cluster."""
        return run_here(*arguments, stdin=stdin)

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CliEnvironment]:
    env = CliEnvironment(tmp_path)
    yield env
    env.close()
