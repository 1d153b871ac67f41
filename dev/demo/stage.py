"""What the demo needs: a cluster, the image, the product, and a service that is ill."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.charts.copying import CHART
from dev.charts.tools import helm as helm_path
from dev.cluster.errors import ClusterError
from dev.cluster.tools import kubectl as kubectl_path

ROOT = Path(__file__).parent.parent.parent
NAMESPACE = "itechsmart-demo"
SYSTEM = "itechsmart-workflow"
READER = "reader"
"""A service account that may read the namespace, for requests to the API."""


@dataclass(frozen=True)
class Stage:
    """The cluster that the demo plays on; without a kubeconfig, the reader's own."""

    kubeconfig: str | None

    @property
    def environ(self) -> dict[str, str]:
        """The environment of commands that speak to the cluster."""
        own = {"KUBECONFIG": self.kubeconfig} if self.kubeconfig else {}
        return {**os.environ, **own}

    def kubectl(self, *arguments: str, namespace: str = NAMESPACE) -> str:
        """kubectl's output. Raises ClusterError with its own words."""
        done = subprocess.run(
            [str(kubectl_path()), *([f"--namespace={namespace}"] if namespace else []), *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def helm(self, *arguments: str) -> None:
        """Helm in the operator's namespace. Raises ClusterError with its own words."""
        done = subprocess.run(
            [str(helm_path()), f"--namespace={SYSTEM}", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"helm {' '.join(arguments)}: {done.stderr.strip()}")

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))


def cluster(*arguments: str) -> dict[str, Any]:
    """A command of the development cluster; its progress goes to the terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "dev.cluster", *arguments, "--name", "demo", "-o", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise ClusterError("the cluster could not be had (see above)")
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@contextmanager
def step(what: str, *, talks: bool = False) -> Iterator[None]:
    """Say what goes on, and how long it took; `talks` where it says more in lines of its own."""
    print(f"· {what} …", end="\n" if talks else "", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print()
        raise
    print(f"{'  done in' if talks else ''} {time.monotonic() - began:.1f} s", flush=True)


def install(stage: Stage, archive: str, *settings: str) -> None:
    """The product with API and history, by its chart with these settings; one replica is enough for
    a demo."""
    stage.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/install/namespace.yaml"))
    # The image has one name, whatever was built: a changed one must not wait for a new name.
    digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    stage.helm(
        "upgrade", "--install", SYSTEM, str(CHART), "--wait", "--timeout=3m",
        "--set=crds.keep=false", "--set=operator.replicas=1", "--set=api.enabled=true",
        "--set=history.enabled=true", "--set=history.sqlite.keep=false",
        f"--set=history.sqlite.persistent={str(_makes_volumes(stage)).lower()}",
        *[f"--set-string={part}.podAnnotations.built={digest}" for part in ("operator", "history")],
        *[f"--set={setting}" for setting in settings],
    )  # fmt: skip


def _makes_volumes(stage: Stage) -> bool:
    """Whether the cluster has a default StorageClass; if not, the history is lost with its pod."""
    mark = "storageclass.kubernetes.io/is-default-class"
    return any(
        (raw["metadata"].get("annotations") or {}).get(mark) == "true"
        for raw in stage.get("storageclasses")["items"]
    )


def uninstall(stage: Stage) -> None:
    """Remove what `install` brought, the custom resources included."""
    if f"/{SYSTEM}\n" in stage.kubectl("get", "namespaces", "-o", "name"):
        stage.helm("uninstall", SYSTEM, "--ignore-not-found", "--wait", "--timeout=3m")
        stage.kubectl("delete", "namespace", SYSTEM)


def fresh_namespace(stage: Stage) -> None:
    """A namespace that enforces the restricted level, with the service in it, newly ill."""
    stage.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait")
    stage.kubectl("create", "namespace", NAMESPACE)
    stage.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    stage.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests/namespace"))
    stage.kubectl(
        "create", "rolebinding", "automation-runner", "--clusterrole=automation-runner",
        f"--serviceaccount={NAMESPACE}:automation-runner",
    )  # fmt: skip
    stage.kubectl("create", "serviceaccount", READER)
    stage.kubectl(
        "create", "rolebinding", READER, "--clusterrole=view",
        f"--serviceaccount={NAMESPACE}:{READER}",
    )  # fmt: skip
    stage.kubectl("apply", "--server-side", "-f", str(ROOT / "dev/demo/service.yaml"))
    workflow = str(ROOT / "manifests/examples/incident-response.yaml")
    stage.kubectl("apply", "--server-side", "-f", workflow)
    stage.kubectl("rollout", "status", "deployment/payments", "--timeout=2m")
    stage.kubectl("wait", "--for=condition=Ready", "workflow/incident-response", "--timeout=30s")


_ASK = """
import time, urllib.error, urllib.request
for second in range(30):  # kube-proxy learns of a new endpoint a moment after it is ready
    try:
        answer = urllib.request.urlopen("http://payments/healthz", timeout=5)
    except urllib.error.HTTPError as error:
        answer = error
    except OSError as error:
        problem = error
        time.sleep(1)
        continue
    print(answer.status, answer.read().decode().strip())
    break
else:
    raise SystemExit(f"no answer from http://payments: {problem}")
"""


def answer(stage: Stage) -> str:
    """What the service answers now, asked by its own pod through its Service."""
    return stage.kubectl("exec", "deployment/payments", "--", "python3", "-c", _ASK).strip()
