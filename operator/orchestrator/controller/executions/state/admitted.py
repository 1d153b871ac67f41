"""An admitted execution: its manifest, and the revision that was frozen for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.graph import Graph
from orchestrator.models.base import API_VERSION


@dataclass(frozen=True, slots=True)
class AdmittedExecution:
    """An execution as last read; immutable until it is read again."""

    graph: Graph
    revision: str
    """Name of the ControllerRevision that `graph` was read from."""
    manifest: Mapping[str, Any]
    """Its metadata and spec."""

    @classmethod
    def read(cls, raw: Mapping[str, Any], graph: Graph) -> AdmittedExecution:
        """The execution from its manifest and its status."""
        manifest = {"metadata": raw["metadata"], "spec": raw["spec"]}
        return cls(graph, raw["status"]["revision"], manifest)

    @property
    def generation(self) -> int:
        """The generation of the spec."""
        generation: int = self.manifest["metadata"]["generation"]
        return generation

    @property
    def uid(self) -> str:
        """The uid of the object."""
        uid: str = self.manifest["metadata"]["uid"]
        return uid

    @property
    def reference(self) -> dict[str, str]:
        """The execution as Events name it."""
        metadata = self.manifest["metadata"]
        return execution_reference(metadata["namespace"], metadata["name"], metadata["uid"])


def execution_reference(namespace: str, name: str, uid: str) -> dict[str, str]:
    """An ObjectReference to an execution."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "namespace": namespace,
        "name": name,
        "uid": uid,
    }
