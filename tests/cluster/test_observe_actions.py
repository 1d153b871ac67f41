"""pod-top on a real API server, with the rights of the runner's role and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples import example
from tests.kube import Kubectl, eventually
from tests.runner import Runner, make_runner

PROVES = {"Kubernetes API server with metrics of pods": ["pod-top"]}

PERMANENT = 65
METRICS = "metrics.k8s.io"


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    return make_runner(kubectl, tmp_path)


@pytest.fixture
def metrics(kubectl: Kubectl) -> Iterator[Kubectl]:
    """The paths of the metrics API, served from objects: the cluster has no pods to measure."""
    name = f"pods.{METRICS}"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kubectl.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": name,
                "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
            },
            "spec": {
                "group": METRICS,
                "scope": "Namespaced",
                "names": {"plural": "pods", "singular": "podmetric", "kind": "PodMetrics"},
                "versions": [
                    {
                        "name": "v1beta1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        }
    )
    kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
    yield kubectl
    kubectl("delete", "crd", name)


def test_usage_of_pods_is_read(metrics: Kubectl, runner: Runner) -> None:
    for name, cpu, memory in (("web", "250m", "100Mi"), ("cart", "5m", "300Mi")):
        metrics.apply(
            {
                "apiVersion": f"{METRICS}/v1beta1",
                "kind": "PodMetrics",
                "metadata": {"name": name, "labels": {"app": "shop" if name == "web" else name}},
                "containers": [{"name": "main", "usage": {"cpu": cpu, "memory": memory}}],
            }
        )

    def usage() -> dict[str, Any] | None:
        ended = runner("pod-top")
        return ended.outputs if ended.outputs.get("count") == 2 else None

    outputs = eventually(usage)
    assert [pod["name"] for pod in outputs["pods"]] == ["cart", "web"]
    assert (outputs["cpuMillicores"], outputs["memoryMebibytes"]) == (255, 400)
    (parameters,) = example("pod-top", {})
    assert runner("pod-top", **parameters).outputs["table"] == "web 250m 100Mi"


def test_a_cluster_without_the_metrics_api_is_permanent(runner: Runner) -> None:
    ended = runner("pod-top")
    assert (ended.code, "install metrics-server" in ended.message) == (PERMANENT, True)
