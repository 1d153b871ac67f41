"""The chart as Helm renders it, and the manifests in the same form to compare it with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.charts.copying import CHART
from dev.cluster.building import KUBERNETES

NAME = "itechsmart-workflow"
Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True)
class Release:
    """`helm template` of one release with one Helm; no cluster is asked."""

    helm: Path
    name: str = NAME
    namespace: str = NAME
    chart: Path = CHART

    def attempt(self, values: Mapping[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
        """Render it, whatever comes of it."""
        command = [
            str(self.helm), "template", self.name, str(self.chart), f"--namespace={self.namespace}",
            f"--kube-version={KUBERNETES}", "--values=-", *options,
        ]  # fmt: skip
        return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True)

    def text(self, values: Mapping[str, Any] | None = None, *options: str) -> str:
        """The rendered documents. An AssertionError with Helm's words if it fails."""
        return _rendered(self, json.dumps(values or {}), options)

    def objects(self, values: Mapping[str, Any] | None = None, *options: str) -> list[Object]:
        """The rendered objects, hooks included."""
        return _parsed(self.text(values, *options))


@cache
def _rendered(release: Release, values: str, options: tuple[str, ...]) -> str:
    done = release.attempt(json.loads(values), *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _parsed(text: str) -> list[Object]:
    """The objects, those of Lists included."""
    documents = [raw for raw in yaml.load_all(text, yaml.CSafeLoader) if raw]
    return [item for raw in documents for item in (raw.get("items") or [raw])]


def key(raw: Object) -> Key:
    """What an object is known by."""
    metadata = raw["metadata"]
    return raw["kind"], metadata.get("namespace", ""), metadata["name"]


def is_hook(raw: Object) -> bool:
    """Whether Helm does not count it as part of the release."""
    return "helm.sh/hook" in (raw["metadata"].get("annotations") or {})


def by_key(objects: Iterable[Object]) -> dict[Key, Object]:
    """The objects of a release by what they are known by, without hooks; each is there once."""
    found: dict[Key, Object] = {}
    for raw in objects:
        if not is_hook(raw):
            assert key(raw) not in found, f"{key(raw)} is there twice"
            found[key(raw)] = raw
    return found


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    """The objects of a kind, hooks left out."""
    return [raw for raw in objects if raw["kind"] == kind and not is_hook(raw)]


def the(objects: Iterable[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = of_kind(objects, kind)
    return found


def pod_of(objects: list[Object], component: str) -> Object:
    """The template of the pods of a Deployment."""
    found: Object = by_key(objects)["Deployment", NAME, f"{NAME}-{component}"]["spec"]["template"]
    return found


def arguments(objects: list[Object], component: str) -> list[str]:
    """Those of the first container of a Deployment."""
    found: list[str] = pod_of(objects, component)["spec"]["containers"][0]["args"]
    return found


def containers(objects: list[Object], component: str) -> dict[str, Object]:
    """The containers of a Deployment by name."""
    return {raw["name"]: raw for raw in pod_of(objects, component)["spec"]["containers"]}
