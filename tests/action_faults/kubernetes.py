"""Rows of actions on the Kubernetes API, each on objects of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from orchestrator.kube.resources import (
    APPLICATIONS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    INCIDENTS,
    JOBS,
    ROLLOUTS,
    Resource,
)
from tests.action_faults.row import Case, Parameters, Row, at
from tests.action_faults.servers import Servers
from tests.argo import DEFINITIONS, GROUP, paused
from tests.cluster.workloads import workload

SECRETS = Resource("", "v1", "secrets", "Secret")


def _server(servers: Servers) -> tuple[str, int]:
    return at(servers.kubectl.api.access.server)


def _deployment(servers: Servers, case: Case, *, revisions: int = 1) -> Parameters:
    """A Deployment without pods, rolled out, with this number of revisions."""
    for revision in range(revisions):
        made = workload("Deployment", case.name)
        made["spec"]["template"]["spec"]["containers"][0]["image"] = f"x:{revision}"
        servers.kubectl.api.apply(DEPLOYMENTS, servers.kubectl.namespace, made)
        servers.rolled_out(case.name, revision + 1)
    return {"name": case.name}


def _two(servers: Servers, case: Case) -> Parameters:
    return _deployment(servers, case, revisions=2)


def _generation(servers: Servers, case: Case) -> int:
    """How often the Deployment was changed."""
    return int(servers.deployment(case.name)["metadata"]["generation"]) - 1


def _rollbacks(servers: Servers, case: Case) -> int:
    return _generation(servers, case) - 1


def _config_map(servers: Servers, case: Case) -> Parameters:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": case.name}}
    servers.kubectl.api.create(CONFIG_MAPS, servers.kubectl.namespace, body)
    return {"kind": "ConfigMap", "name": case.name}


def _manifest(case: Case) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": case.name},
        "data": {"a": "x" * 500},
    }  # fmt: skip


def _job(servers: Servers, case: Case) -> Parameters:
    """A Job without pods, which is complete at once."""
    pod = workload("Deployment", case.name)["spec"]["template"]
    pod["spec"]["restartPolicy"] = "Never"
    spec = {"completions": 0, "parallelism": 0, "template": pod}
    servers.uid_of(case.name)
    return {"manifest": {"metadata": {"name": "job"}, "spec": spec}, "timeout": case.timeout}


def _jobs(servers: Servers, case: Case) -> int:
    owner = servers.uid_of(case.name)
    found = servers.kubectl.api.list(JOBS, servers.kubectl.namespace)
    return sum(each["metadata"]["ownerReferences"][0]["uid"] == owner for each in found)


def _node(servers: Servers, case: Case) -> Parameters:
    return {"node": servers.node(case.name)}


def _incident(servers: Servers, case: Case) -> Parameters:
    spec = {"title": "down", "severity": "High"}
    body = {"apiVersion": INCIDENTS.api_version, "kind": "Incident",
            "metadata": {"name": case.name}, "spec": spec}  # fmt: skip
    servers.kubectl.api.create(INCIDENTS, servers.kubectl.namespace, body)
    return {"name": case.name, "timeout": case.timeout}


def _incidents(servers: Servers, case: Case) -> int:
    found = servers.kubectl.api.list(INCIDENTS, servers.kubectl.namespace)
    return sum(each["spec"]["title"] == case.name for each in found)


def _notes(servers: Servers, case: Case) -> int:
    found = servers.kubectl.api.get(INCIDENTS, servers.kubectl.namespace, case.name)
    return len(found["spec"].get("notes", []))


def _application(servers: Servers, case: Case) -> Parameters:
    """An Application with a history of two, and a stand-in for its controller."""
    _definitions(servers)
    source = {"repoURL": "https://git.invalid/x", "targetRevision": "r1"}
    destination = {"name": "in-cluster"}
    servers.kubectl.api.create(
        APPLICATIONS,
        servers.kubectl.namespace,
        {
            "apiVersion": f"{GROUP}/v1alpha1", "kind": "Application",
            "metadata": {"name": case.name},
            "spec": {"source": source, "project": "default", "destination": destination},
        },
    )  # fmt: skip
    entries = [{"id": number, "revision": f"r{number}", "source": source} for number in range(2)]
    status = {"history": entries}
    servers.kubectl.api.merge(
        APPLICATIONS, servers.kubectl.namespace, case.name, {"status": status}
    )
    servers.control(case.name)
    given = {"name": case.name, "namespace": servers.kubectl.namespace}
    return {**given, "timeout": "6s" if case.slow else "30s"}


def _rollout(servers: Servers, case: Case) -> Parameters:
    """A Rollout that pauses at a step."""
    _definitions(servers)
    steps = [{"setWeight": 20}, {"pause": {}}, {"pause": {}}]
    servers.kubectl.api.create(
        ROLLOUTS,
        servers.kubectl.namespace,
        {
            "apiVersion": f"{GROUP}/v1alpha1", "kind": "Rollout", "metadata": {"name": case.name},
            "spec": {"strategy": {"canary": {"steps": steps}}},
        },
    )  # fmt: skip
    status = {"currentPodHash": "new", "stableRS": "old", **paused(1)}
    servers.kubectl.api.merge(
        ROLLOUTS, servers.kubectl.namespace, case.name, {"status": status}, "status"
    )
    return {"name": case.name}


def _definitions(servers: Servers) -> None:
    def make() -> bool:
        servers.kubectl.apply(*DEFINITIONS)
        servers.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        return True

    servers.once("definitions", make)


def _release(_servers: Servers, case: Case) -> Parameters:
    """A release of a chart with one object."""
    templates = case.workspace / "shop/templates"
    templates.mkdir(parents=True)
    chart = {"apiVersion": "v2", "name": "shop", "version": "0.1.0"}
    (templates.parent / "Chart.yaml").write_text(json.dumps(chart))
    (templates / "map.yaml").write_text(json.dumps(_manifest(case)))
    timeout = "5s" if case.slow else "30s"
    return {"release": case.name, "chart": "shop", "timeout": timeout}


def _revisions(servers: Servers, case: Case) -> int:
    selector = f"owner=helm,name={case.name}"
    return len(
        servers.kubectl.api.list(SECRETS, servers.kubectl.namespace, label_selector=selector)
    )


def _row(
    action: str,
    parameters: Callable[[Servers, Case], Parameters],
    made: Callable[[Servers, Case], int] | None = None,
    **more: Any,
) -> Row:
    return Row(action, _server, parameters, made=made, kubernetes=True, **more)


def _on_pods(action: str, **given: Any) -> Row:
    return Row(
        action,
        lambda servers: at(servers.pods.url),
        lambda _servers, _case: {"namespace": "shop", **given},
        kubernetes=True,
        variant="pods",
    )


def _waiting(make: Callable[[Servers, Case], Parameters], **given: Any) -> Any:
    return lambda servers, case: {**make(servers, case), "timeout": case.timeout, **given}


def _with(make: Callable[[Servers, Case], Parameters], **given: Any) -> Any:
    return lambda servers, case: {**make(servers, case), **given}


KUBERNETES = (
    _row(
        "incident-create",
        lambda _servers, case: {"title": case.name, "timeout": case.timeout},
        _incidents,
    ),
    _row("incident-update", _with(_incident, severity="Low")),
    _row("incident-assign", _with(_incident, assignee="ana")),
    _row("incident-escalate", _with(_incident, escalation="sre")),
    _row("incident-note", _with(_incident, text="being repaired"), _notes),
    _row("incident-resolve", _incident),
    _row("deploy-application", _waiting(_deployment, images={"*": "y"}), _generation),
    _row("rollout-restart", _deployment, _generation),
    _row("rollout-status", _waiting(_deployment)),
    _row("rollout-undo", _two, _rollbacks),
    _row("rollout-history", _two),
    _row("rollback-deployment", _waiting(_two), _rollbacks),
    _row("set-image", _with(_deployment, images={"*": "y"}), _generation),
    _row("scale", _waiting(_two, replicas=0)),
    _row("apply", lambda _servers, case: {"manifests": [_manifest(case)]}),
    _row("patch", _with(_config_map, patch={"data": {"a": "b"}})),
    _row("delete", _waiting(_config_map)),
    _row("wait-for", _waiting(_config_map, created=True)),
    _row(
        "helm-upgrade",
        _release,
        _revisions,
        environ=lambda servers, case: {
            "PATH": f"{servers.helm}:{os.environ['PATH']}",
            "KEY": f"{case.name}/n/0",
            "NAMESPACE": servers.kubectl.namespace,
        },
        turn=2,
    ),
    _row("run-job", _job, _jobs),
    _row("cordon", _node),
    _row("uncordon", _node),
    _row("drain", _waiting(_node)),
    _row("describe-events", lambda _servers, _case: {}),
    _row("argocd-sync", _application),
    _row("argocd-rollback", _application),
    _row("rollouts-promote", _with(_rollout, wait=False)),
    _row("rollouts-abort", _rollout),
    Row(
        "exec",
        lambda servers: at(servers.pods.url),
        lambda _servers, case: {
            "namespace": "shop", "name": "web", "command": ["true", case.name],
            "timeout": case.timeout,
        },
        made=lambda servers, case: servers.pods.commands(case.name),
        kubernetes=True,
        variant="pods",
        unknown_end=65,
    ),
    _on_pods("pod-logs", name="web"),
    _on_pods("pod-top"),
)  # fmt: skip
