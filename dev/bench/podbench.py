"""The operators of one or two checkouts on a cluster with a real kubelet, turn about."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tomllib
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dev.bench.client import Api
from dev.bench.contenders import OperatorContender
from dev.bench.measuring import AGENT
from dev.bench.realpods import INCIDENT, Watcher, Work, definitions
from dev.bench.shapes import Shape
from dev.cluster.api import Cluster, down, up
from dev.cluster.shell import run
from dev.cluster.tools import kubectl

NAME = "bench-pods"
LIMIT = 180.0
"""Seconds after which a run is given up."""
METRICS = ("seconds in all", "a step", "… before the start", "… running", "… end → next pod")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of this project, and what its operator is called in the table."""

    name: str
    path: Path

    @property
    def image(self) -> str:
        """The name of the runner's image."""
        project = tomllib.loads((self.path / "pyproject.toml").read_text())["project"]
        return f"ghcr.io/itechsmart/workflow:{project['version']}"

    def build(self) -> Path:
        """Its image's archive, built where anything of it changed."""
        python = self.path / ".venv/bin/python"
        program = python if python.exists() else sys.executable
        within = ("env", f"--chdir={self.path}", f"PYTHONPATH={self.path}")
        run(*within, program, "-m", "dev.images", "build")
        return self.path / "build/images/itechsmart-workflow.tar"


@dataclass(slots=True)
class PodBench:
    """All runs, and the seconds measured: by work, metric and checkout."""

    checkouts: Sequence[Checkout]
    plan: Sequence[Work]
    rounds: int
    say: Callable[[str], None]
    found: dict[tuple[str, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def all(self) -> None:
        """Every work by every operator, the first of a pair changing from round to round."""
        archives = {checkout: checkout.build() for checkout in self.checkouts}
        down(NAME)
        cluster = up(NAME, kubelet=True)
        try:
            for number in range(self.rounds):
                for checkout in self.checkouts[:: 1 if number % 2 == 0 else -1]:
                    install(cluster, checkout, archives[checkout])
                    for work in self.plan:
                        asyncio.run(self._run(cluster, checkout, work, number))
        finally:
            down(NAME)

    async def _run(self, cluster: Cluster, checkout: Checkout, work: Work, number: int) -> None:
        namespace = f"bench-{uuid.uuid4().hex[:6]}"
        stage = Stage(cluster, namespace)
        stage.prepare(checkout, work)
        own = {"checkout": checkout.path, "image": checkout.image}
        kind = type("Operator", (OperatorContender,), own)
        shape = Shape(work.workflow, work.title, 1)
        async with Api(cluster.kubeconfig, AGENT) as api:
            contender = kind(api, cluster.kubeconfig, namespace, shape)
            watcher = Watcher(api, namespace)
            try:
                async with asyncio.timeout(LIMIT):
                    await contender.prepare()
                    async with watcher.watching():
                        took = await watcher.run(work)
            except TimeoutError:
                raise RuntimeError(f"{work.title} not done within {LIMIT:.0f} s") from None
            finally:
                await contender.stop()
        self._add(checkout, work, took, watcher)
        stage.remove()
        self.say(
            f"round {number + 1} of {self.rounds}: {work.title}, {checkout.name}: {took:.1f} s"
        )

    def _add(self, checkout: Checkout, work: Work, took: float, watcher: Watcher) -> None:
        self.found[work.title, METRICS[0], checkout.name].append(took)
        for step in watcher.steps() if work.stepwise else ():
            parts = (step.seconds, step.before_start, step.running, step.to_next)
            for metric, seconds in zip(METRICS[1:], parts, strict=True):
                self.found[work.title, metric, checkout.name].append(seconds)

    def table(self) -> str:
        """Seconds, least / median / most."""
        names = [checkout.name for checkout in self.checkouts]
        lines = [["on real pods, seconds: min / median / max", "", *names]]
        for work in self.plan:
            for metric in METRICS:
                cells = [self._cell(work.title, metric, name) for name in names]
                if any(cells):
                    lines.append([work.title if metric == METRICS[0] else "", metric, *cells])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def rows(self) -> list[dict[str, Any]]:
        """The same for programs."""
        return [
            {
                "shape": title, "metric": metric, "contender": name, "unit": "s",
                "min": round(min(values), 3), "median": round(statistics.median(values), 3),
                "max": round(max(values), 3), "count": len(values),
            }
            for (title, metric, name), values in self.found.items()
        ]  # fmt: skip

    def _cell(self, title: str, metric: str, name: str) -> str:
        values = self.found.get((title, metric, name))
        if not values:
            return ""
        return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"


def install(cluster: Cluster, checkout: Checkout, archive: Path) -> None:
    """A checkout's image, resources and shipped actions, in place of another's."""
    cluster.import_image(archive)
    stage, path = Stage(cluster, "default"), checkout.path
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    stage.kubectl(*apply, str(path / "crds"))
    stage.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(path / "crds"))
    stage.kubectl(*apply, str(path / "manifests/catalog/actions"))
    stage.kubectl(*apply, str(path / "manifests/install/runner-rbac.yaml"))


@dataclass(frozen=True, slots=True)
class Stage:
    """kubectl in one namespace of a cluster."""

    cluster: Cluster
    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints. Raises ClusterError with its words."""
        command = [kubectl(), f"--kubeconfig={self.cluster.kubeconfig}", f"-n{self.namespace}"]
        return run(*command, *arguments, text=stdin)

    def prepare(self, checkout: Checkout, work: Work) -> None:
        """The namespace, restricted, with what a work needs."""
        self.kubectl("create", "namespace", self.namespace)
        restricted = "pod-security.kubernetes.io/enforce=restricted"
        self.kubectl("label", "namespace", self.namespace, restricted)
        if manifests := list(definitions(work)):
            self.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(manifests))
        if work is not INCIDENT:
            return
        path = checkout.path
        account = f"--serviceaccount={self.namespace}:automation-runner"
        self.kubectl("apply", "--server-side", "-k", str(path / "manifests/namespace"))
        self.kubectl(
            "create", "rolebinding", "automation-runner", "--clusterrole=automation-runner", account
        )
        self.kubectl("apply", "--server-side", "-f", str(path / "dev/demo/service.yaml"))
        workflow = path / "manifests/examples/incident-response.yaml"
        self.kubectl("apply", "--server-side", "-f", str(workflow))
        self.kubectl("rollout", "status", "deployment/payments", "--timeout=2m")

    def remove(self) -> None:
        """The namespace with all its pods, before anything else is measured."""
        self.kubectl("delete", "namespace", self.namespace, "--wait")
