"""pod-top: the current CPU and memory of pods, as kubectl top pod shows them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import POD_METRICS

_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip
"""Suffixes of quantities that the metrics API uses."""


class SortBy(StrEnum):
    CPU = "cpu"
    MEMORY = "memory"


class PodTop(InNamespace):
    """Parameters of pod-top."""

    name: Name = ""
    """Name of a pod; all pods of the namespace if both this and selector are empty."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the pods, as for kubectl."""
    sort_by: SortBy = SortBy.MEMORY
    """What the pods are sorted by, largest first."""
    limit: Annotated[int, Field(ge=1, le=200)] = 20
    """Maximum number of pods in the outputs; the totals include all."""

    @model_validator(mode="after")
    def _one(self) -> PodTop:
        if self.name and self.selector:
            raise ValueError("give either name or selector")
        return self


class Usage(Outputs):
    """Outputs of pod-top."""

    bulky = ("table", "pods")

    count: int
    """Number of pods with metrics."""
    cpu_millicores: int
    """CPU of all pods together, in thousandths of a core."""
    memory_mebibytes: int
    """Memory of all pods together, in MiB."""
    pods: list[Any]
    """Each pod with name, cpuMillicores and memoryMebibytes, largest first."""
    table: str = ""
    """The pods as a table."""
    truncated: bool = False
    """Whether an output was truncated."""


@dataclass(frozen=True, slots=True)
class _Pod:
    name: str
    cpu: Decimal
    """Cores."""
    memory: Decimal
    """Bytes."""


def pod_top(parameters: PodTop, context: Context) -> Usage:
    """Reads the current CPU and memory of pods from the metrics API, which needs metrics-server or
    a replacement in the cluster."""
    namespace = parameters.in_namespace(context)
    try:
        found = _metrics(parameters, context, namespace)
    except ApiError as error:
        raise _explained(error, parameters, namespace) from None
    by = {SortBy.CPU: lambda pod: pod.cpu, SortBy.MEMORY: lambda pod: pod.memory}
    pods = sorted(map(_pod, found), key=lambda pod: pod.name)
    pods.sort(key=by[parameters.sort_by], reverse=True)
    kept = pods[: parameters.limit]
    rows = [f"{pod.name} {_millicores(pod.cpu)}m {_mebibytes(pod.memory)}Mi" for pod in kept]
    for row in rows:
        context.log(row)
    return Usage(
        count=len(pods),
        cpu_millicores=_millicores(sum((pod.cpu for pod in pods), Decimal())),
        memory_mebibytes=_mebibytes(sum((pod.memory for pod in pods), Decimal())),
        pods=[
            {
                "name": pod.name,
                "cpuMillicores": _millicores(pod.cpu),
                "memoryMebibytes": _mebibytes(pod.memory),
            }
            for pod in kept
        ],
        table="\n".join(rows),
        truncated=len(pods) > len(kept),
    )


def _metrics(parameters: PodTop, context: Context, namespace: str) -> list[Object]:
    cluster = context.cluster()
    if parameters.name:
        return [cluster.get(POD_METRICS, namespace, parameters.name)]
    return cluster.list(POD_METRICS, namespace, label_selector=parameters.selector)


def _explained(error: ApiError, parameters: PodTop, namespace: str) -> Exception:
    """A 404 with its cause: without metrics-server the API server does not know the path."""
    if error.status != 404:
        return error
    if parameters.name and '"' in error.message:
        return ActionError(
            f"there are no metrics of pod {namespace}/{parameters.name}: it does not exist, or has "
            "run for less than a minute"
        )
    return ActionError(
        "the cluster does not serve metrics.k8s.io: install metrics-server", permanent=True
    )


def _pod(metrics: Object) -> _Pod:
    usages = [each["usage"] for each in metrics["containers"]]
    return _Pod(
        name=metrics["metadata"]["name"],
        cpu=sum((quantity(each.get("cpu", "0")) for each in usages), Decimal()),
        memory=sum((quantity(each.get("memory", "0")) for each in usages), Decimal()),
    )


def quantity(text: str) -> Decimal:
    """A quantity of the Kubernetes API in its base unit."""
    number = text.rstrip("numkKMGTi")
    return Decimal(number) * _FACTORS[text[len(number) :]]


def _millicores(cores: Decimal) -> int:
    return round(cores * 1000)


def _mebibytes(size: Decimal) -> int:
    return round(size / 2**20)


ACTION = Action(
    name="pod-top",
    title="Read pods' CPU and memory",
    category="observe",
    icon="activity",
    parameters=PodTop,
    outputs=Usage,
    run=pod_top,
    retries=(
        "Retried: no response, throttling, failures of the API server, a named pod without "
        "metrics. Not retried: a cluster without the metrics API, missing permissions. It only "
        "reads."
    ),
    classify=classify,
    rights=(
        Right(
            POD_METRICS,
            {"get": "read the metrics of a named pod", "list": "read the metrics of pods"},
        ),
    ),
    family=Family.DIAGNOSTICS,
    example="""
        nodes:
        - name: usage
          action: pod-top
          with: {selector: "app=shop", sortBy: cpu}
    """,
)
