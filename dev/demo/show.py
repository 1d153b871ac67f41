"""Shows it: the service's answer before, the workflow as it happens, and what it left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from dev.cluster.errors import ClusterError
from dev.cluster.tools import kubectl as kubectl_path
from dev.demo import restapi
from dev.demo.stage import (
    NAMESPACE,
    ROOT,
    Stage,
    answer,
    cluster,
    fresh_namespace,
    install,
    step,
    uninstall,
)

_HELM = ("dev.charts", "build", "helm")
_RUN = ("run", "incident-response", "--var", "service=payments", "--name", "first-incident")


def up() -> int:
    """Play the demo; 0 when the incident was resolved."""
    print("iTechSmart Workflow: an incident, handled on a real cluster\n")
    stage = prepare()
    before = answer(stage)
    print(f"\n  payments answers: {before}\n", flush=True)
    print(f"$ orchestrator {' '.join(_RUN)} --watch\n", flush=True)
    code = subprocess.run(
        [sys.executable, "-m", "orchestrator", "-n", NAMESPACE, *_RUN, "--watch"],
        env={**stage.environ, "PYTHONPATH": str(ROOT / "operator")},
    ).returncode
    print(f"\n  payments answers: {answer(stage)}   (before: {before})\n")
    restapi.check(stage, "first-incident")
    summarize(stage, "first-incident")
    return code


def prepare(*settings: str) -> Stage:
    """A cluster with the product, installed with these settings of the chart, and the service."""
    with _building("dev.images", "build") as image, _building(*_HELM) as helm:
        stage = Stage(cluster("up").get("kubeconfig"))
        with step("building the container image", talks=True):
            archive = _archive(image)
        if helm.poll() is None:
            with step("building Helm, once", talks=True):
                helm.wait()
    if stage.kubeconfig:
        with step("importing it"):
            cluster("import-image", archive)
    with step("installing resources, operator, actions, API and history"):
        install(stage, archive, *settings)
    with step("starting a service that is ill"):
        fresh_namespace(stage)
    return stage


def down() -> int:
    """Remove the demo; on the reader's own cluster only what the demo made."""
    facts = cluster("status")
    if facts.get("kind") == "current":
        stage = Stage(None)
        with step("removing the demo from your cluster"):
            stage.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
            uninstall(stage)
    else:
        cluster("down")
    print("nothing of the demo is left")
    return 0


def _building(*module: str) -> subprocess.Popen[bytes]:
    """Build something while the cluster starts."""
    command = [sys.executable, "-m", *module]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _archive(building: subprocess.Popen[bytes]) -> str:
    if building.wait():
        raise ClusterError("the image could not be built (see above)")
    return str(ROOT / "build/images/itechsmart-workflow.tar")


def summarize(stage: Stage, name: str) -> None:
    """Print what an execution did, and where to look."""
    execution = stage.get("awfx", name)
    pods = {
        pod["metadata"]["labels"].get("batch.kubernetes.io/job-name"): pod
        for pod in stage.get("pods")["items"]
    }
    records = execution["status"]["nodes"]
    print(f"  {'node':<11} {'took':>6}  {'phase':<10} pod")
    for node in sorted(records, key=lambda node: records[node].get("finishedAt", "~")):
        record = records[node]
        pod = pods.get(record["job"]) if "job" in record else None
        where = pod["metadata"]["name"] if pod else "(decided by the operator)"
        print(f"  {node:<11} {_took(record):>6}  {record['phase']:<10} {where}")
    for incident in stage.get("incidents")["items"]:
        _incident(incident)
    print("\nLook around:")
    if stage.kubeconfig:
        print(f"  export KUBECONFIG={_from_here(stage.kubeconfig)}")
    if shutil.which("kubectl") is None:
        print(f"  export PATH=$PATH:{Path(kubectl_path()).parent}")
    print(f"  kubectl config set-context --current --namespace {NAMESPACE}")
    print("  kubectl get awf,awfx,incidents,jobs -o wide")
    print(f"  kubectl describe awfx {name}")
    print(f"  .venv/bin/orchestrator logs {name}")
    restapi.summarize()
    print("\n  make demo-down      # leaves nothing")


def _from_here(path: str) -> str:
    """A path as it is written in this checkout."""
    inside = Path(path).is_relative_to(ROOT)
    return f"$PWD/{Path(path).relative_to(ROOT)}" if inside else path


def _incident(incident: dict[str, Any]) -> None:
    spec = incident["spec"]
    print(f"\n  incident {incident['metadata']['name']}: {spec['title']} — {spec['state']}")
    for entry in incident.get("status", {}).get("timeline", []):
        if entry["field"] in ("state", "severity", "assignee", "escalation"):
            change = " → ".join(word for word in (entry.get("from"), entry["to"]) if word)
            print(f"    {entry['at']}  {entry['field']}: {change}")


def _took(record: dict[str, Any]) -> str:
    if "startedAt" not in record or "finishedAt" not in record:
        return ""
    ends = [datetime.fromisoformat(record[key]) for key in ("startedAt", "finishedAt")]
    return f"{(ends[1] - ends[0]).total_seconds():.1f} s"
