"""Workloads that the tests of actions change."""

from __future__ import annotations

from typing import Any

from tests.kube import Kubectl, eventually


def workload(kind: str, name: str, replicas: int = 0, **spec: Any) -> dict[str, Any]:
    """A workload whose pods fit no node."""
    labels = {"app": name}
    body: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "nodeSelector": {"no-such": "node"},
                "containers": [{"name": "main", "image": "x"}],
            },
        },
        **spec,
    }
    if kind != "DaemonSet":
        body["replicas"] = replicas
    if kind == "StatefulSet":
        body["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


def fake_workload(kind: str, replicas: int = 0, **script: str) -> dict[str, Any]:
    """The workload `web` on fake nodes, whose pods behave as scripted."""
    made = workload(kind, "web", replicas)
    template = made["spec"]["template"]
    template["spec"] |= {
        "nodeSelector": {"type": "fake"},
        "tolerations": [{"key": "fake.automation.itechsmart.dev/node", "operator": "Exists"}],
    }
    template["metadata"]["annotations"] = {
        f"fake.automation.itechsmart.dev/{name.replace('_', '-')}": value
        for name, value in script.items()
    }
    return made


def job(**script: str) -> dict[str, Any]:
    """The Job `import` on fake nodes, whose pods behave as scripted."""
    template = fake_workload("Deployment", 0, **script)["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    return {"metadata": {"name": "import"}, "spec": {"backoffLimit": 0, "template": template}}


def deploy(kubectl: Kubectl, image: str) -> None:
    """Apply the Deployment `web` with an image, and wait for its ReplicaSet."""
    made = workload("Deployment", "web")
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    made["metadata"]["annotations"] = {"kubernetes.io/change-cause": f"deploy {image}"}
    kubectl.apply(made)

    def has_replica_set() -> bool:
        templates = (each["spec"]["template"] for each in kubectl.get("replicasets")["items"])
        return image in [each["spec"]["containers"][0]["image"] for each in templates]

    eventually(has_replica_set)
