"""The development cluster itself: real pods, fake ones, two instances, and nothing left behind."""

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import ClusterError
from dev.cluster.api import Cluster, down, get, up
from dev.cluster.images import BUSYBOX_IMAGE, write_oci
from dev.cluster.shell import which
from dev.cluster.tools import kubectl
from tests.kube import Kubectl, eventually

FAKE = "fake.automation.itechsmart.dev"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A real node and two fake ones."""
    yield up("selftest", kubelet=True, fake_nodes=2)
    down("selftest")


def kube(cluster: Cluster, *arguments: str) -> str:
    """What kubectl prints for a cluster."""
    return Kubectl(cluster.kubeconfig)(*arguments)


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    """Create or change objects."""
    Kubectl(cluster.kubeconfig).apply(*objects)


def wait(cluster: Cluster, what: str, condition: str) -> None:
    """Wait until an object's field or condition is so."""
    kube(cluster, "wait", what, f"--for={condition}", "--timeout=60s")


def pod(name: str, shell: str = "true", **spec: Any) -> dict[str, Any]:
    """A pod of the restricted profile that runs a line of shell."""
    container = {
        "name": "main", "image": BUSYBOX_IMAGE, "command": ["sh", "-c", shell],
        "securityContext": RESTRICTED, **spec.pop("container", {}),
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, "annotations": {}},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            **spec,
        },
    }  # fmt: skip


def fake_pod(name: str, **script: str) -> dict[str, Any]:
    """A pod for a fake node that behaves as its annotations say."""
    toleration = {"key": f"{FAKE}/node", "operator": "Exists"}
    made = pod(name, nodeSelector={"type": "fake"}, tolerations=[toleration])
    made["metadata"]["annotations"] = {
        f"{FAKE}/{key.replace('_', '-')}": value for key, value in script.items()
    }
    return made


def status(cluster: Cluster, name: str) -> dict[str, Any]:
    """A pod's status."""
    found: dict[str, Any] = Kubectl(cluster.kubeconfig).get("pod", name)["status"]
    return found


def terminated(cluster: Cluster, name: str) -> dict[str, Any]:
    """How a pod's only container ended."""
    found: dict[str, Any] = status(cluster, name)["containerStatuses"][0]["state"]["terminated"]
    return found


def test_a_restricted_pod_serves_others_by_name_from_a_volume_that_goes_with_its_claim(
    cluster: Cluster,
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    server = pod(
        "web",
        "echo hello > /data/index.html; echo started; exec httpd -f -p 8080 -h /data",
        container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    ask = "until wget -qO- http://web.default.svc.cluster.local; do sleep 0.2; done"
    apply(cluster, claim, server, service, pod("client", ask))

    wait(cluster, "pod/client", "jsonpath={.status.phase}=Succeeded")

    assert kube(cluster, "logs", "client").splitlines()[-1] == "hello"
    assert kube(cluster, "logs", "web") == "started\n"
    assert kube(cluster, "exec", "web", "--", "id", "-u") == "1000\n"
    folder = cluster.state / "volumes"
    assert [path.name for path in folder.glob("*/index.html")] == ["index.html"]
    kube(cluster, "delete", "service/web", "pod/web", "pod/client", "pvc/data", "--grace-period=1")
    eventually(lambda: not list(folder.iterdir()))


def test_a_termination_message_survives_its_pod_on_a_read_only_root(cluster: Cluster) -> None:
    talkative = pod(
        "message",
        "echo -n done > /message; exit 3",
        container={"terminationMessagePath": "/message"},
    )
    apply(cluster, talkative)

    wait(cluster, "pod/message", "jsonpath={.status.phase}=Failed")

    end = terminated(cluster, "message")
    assert (end["exitCode"], end["message"]) == (3, "done")


def test_an_imported_image_runs_under_its_own_name(cluster: Cluster, tmp_path: Path) -> None:
    tar = tmp_path / "image.tar"
    layer = tmp_path / "layer.tar"
    busybox = which("busybox")
    assert busybox
    with tarfile.open(layer, "w") as files:
        files.add(busybox, "busybox")
    with tarfile.open(tar, "w") as archive:
        write_oci(archive, layer.read_bytes(), {"localhost/imported:1": {}})

    cluster.import_image(tar)
    command = {"image": "localhost/imported:1", "command": ["/busybox", "echo", "imported"]}
    apply(cluster, pod("imported", container=command))
    wait(cluster, "pod/imported", "jsonpath={.status.phase}=Succeeded")

    assert kube(cluster, "logs", "imported") == "imported\n"


def test_fake_pods_end_as_their_annotations_say(cluster: Cluster) -> None:
    apply(
        cluster,
        fake_pod("quick"),
        fake_pod("fails", exit_code="3", message='{"a":1}', delay="500ms"),
        fake_pod("unpullable", image_error="ErrImagePull"),
        fake_pod("stuck", hang="true"),
    )
    wait(cluster, "pod/quick", "jsonpath={.status.phase}=Succeeded")
    wait(cluster, "pod/fails", "jsonpath={.status.phase}=Failed")
    wait(cluster, "pod/stuck", "condition=Ready")

    end = terminated(cluster, "fails")
    assert (end["exitCode"], end["message"]) == (3, '{"a":1}')
    waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull"
    wait(cluster, "pod/unpullable", waiting)
    kube(cluster, "delete", "pod", "quick", "fails", "unpullable", "stuck", "--timeout=20s")


def test_a_fake_pod_fails_at_its_deadline(cluster: Cluster) -> None:
    late = fake_pod("late", hang="true")
    late["spec"]["activeDeadlineSeconds"] = 1
    apply(cluster, late)

    wait(cluster, "pod/late", "jsonpath={.status.phase}=Failed")

    assert status(cluster, "late")["reason"] == "DeadlineExceeded"


def test_the_pods_of_a_sequence_take_one_exit_code_each(cluster: Cluster) -> None:
    for name in ("first", "second", "third"):
        apply(cluster, fake_pod(name, sequence="flaky", exit_code="7,8,0"))
        wait(cluster, f"pod/{name}", "jsonpath={.status.containerStatuses[0].state.terminated}")

    codes = [terminated(cluster, name)["exitCode"] for name in ("first", "second", "third")]
    assert codes == [7, 8, 0]


def test_a_staged_pod_shows_its_containers_end_before_its_phase(cluster: Cluster) -> None:
    staged = fake_pod("staged", stages="true", exit_code="4", message="done")
    staged["spec"]["schedulingGates"] = [{"name": "test/wait"}]  # until the watch is established
    apply(cluster, staged)
    with statuses(cluster, "staged") as seen:
        first = next(seen)
        ungate = json.dumps([{"op": "remove", "path": "/spec/schedulingGates"}])
        kube(cluster, "patch", "pod", "staged", "--type=json", "-p", ungate)
        shown = [first]
        while shown[-1][0] not in ("Succeeded", "Failed"):
            shown.append(next(seen))

    assert list(dict.fromkeys(shown)) == [
        ("Pending", "none"), ("Pending", "waiting"), ("Running", "running"),
        ("Running", "terminated"), ("Failed", "terminated"),
    ]  # fmt: skip
    end = terminated(cluster, "staged")
    assert (end["exitCode"], end["message"]) == (4, "done")
    kube(cluster, "delete", "pod", "staged", "--timeout=20s")


@contextmanager
def statuses(cluster: Cluster, name: str) -> Iterator[Iterator[tuple[str, str]]]:
    """A pod's phase and its container's state, at once and at every change."""
    options = ["get", "pod", name, "--watch", "-o", "json"]
    command = [kubectl(), f"--kubeconfig={cluster.kubeconfig}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield (_shown(raw["status"]) for raw in _documents(process.stdout))
        finally:
            process.terminate()


def _documents(lines: Iterable[str]) -> Iterator[Any]:
    """Objects as kubectl prints them one after the other, each ended by an unindented brace."""
    text = ""
    for line in lines:
        text += line
        if line.rstrip() == "}":
            yield json.loads(text)
            text = ""


def _shown(found: dict[str, Any]) -> tuple[str, str]:
    containers = found.get("containerStatuses")
    return found["phase"], next(iter(containers[0]["state"])) if containers else "none"


def test_an_ordinary_pod_stays_off_fake_nodes(cluster: Cluster) -> None:
    apply(cluster, pod("ordinary", nodeSelector={"type": "fake"}))

    wait(cluster, "pod/ordinary", "condition=PodScheduled=False")


def test_a_fake_node_that_was_taken_for_lost_is_ready_again(cluster: Cluster) -> None:
    lost = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    ready = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    patch = ("patch", "node", "fake-1", "--subresource=status", "-p", json.dumps(lost), "-o", ready)
    assert kube(cluster, *patch) == "Unknown"

    wait(cluster, "node/fake-1", "condition=Ready=True")


def test_the_audit_log_names_every_created_job(cluster: Cluster) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "counted"},
        "spec": {"template": {"spec": fake_pod("x")["spec"]}},
    }
    Kubectl(cluster.kubeconfig).create(job)
    wait(cluster, "job/counted", "condition=Complete")

    events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    created = [
        event["objectRef"]["name"]
        for event in events
        if event["verb"] == "create" and event["objectRef"].get("resource") == "jobs"
    ]
    assert created == ["counted"]


def test_a_killed_component_comes_back_with_up(cluster: Cluster) -> None:
    pid = cluster.components()["kube-scheduler"]
    cluster.stop_component("kube-scheduler", signal.SIGKILL)
    assert not Path(f"/proc/{pid}").exists(), "a thread of it is left, and may hold its ports"
    assert cluster.components()["kube-scheduler"] is None

    assert up("selftest") == cluster

    assert cluster.components()["kube-scheduler"] is not None


def test_a_suspended_api_server_goes_on(cluster: Cluster) -> None:
    before = cluster.components()["kube-apiserver"]
    cluster.stop_component("kube-apiserver", signal.SIGSTOP)

    cluster.start_component("kube-apiserver")

    assert kube(cluster, "get", "--raw", "/readyz") == "ok"
    assert cluster.components()["kube-apiserver"] == before


def test_other_options_than_those_it_is_up_with_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="bring it down first"):
        up(cluster.name, fake_nodes=50)


def test_an_api_server_alone_runs_every_pod_on_fake_nodes() -> None:
    alone = up("selftest-api", kubelet=False, fake_nodes=1)
    try:
        apply(alone, pod("anywhere"))
        wait(alone, "pod/anywhere", "jsonpath={.status.phase}=Succeeded")
        with pytest.raises(ClusterError, match="no real node"):
            alone.import_image(Path("/dev/null"))
    finally:
        assert down("selftest-api")
    with pytest.raises(ClusterError, match="no cluster selftest-api"):
        get("selftest-api")


def test_two_real_instances_run_side_by_side_and_one_leaves_nothing_behind(
    cluster: Cluster,
) -> None:
    other = up("selftest-b", kubelet=True)
    plan = json.loads((other.state / "plan.json").read_text())
    for each in (cluster, other):
        apply(each, pod("sleeper", "exec sleep 600"))
    for each in (cluster, other):
        wait(each, "pod/sleeper", "condition=Ready")
    assert traces(other.state, plan["index"])

    assert down("selftest-b")

    assert traces(other.state, plan["index"]) == []
    assert kube(cluster, "exec", "sleeper", "--", "echo", "alive") == "alive\n"
    assert not down("selftest-b")


def traces(state: Path, index: int) -> list[str]:
    """Whatever shows that an instance is or was on this machine."""
    found = [f"folder {state}"] if state.exists() else []
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [line for line in mounts if f"{state}/" in line or f"itechsmart-{index} " in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{state}/" in command:
            found.append(command)
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/itechsmart-{index}")]
    found += [str(path) for path in Path("/run/netns").glob(f"itechsmart-{index}")]
    found += [str(path) for path in Path("/var/lib/cni/results").glob(f"itechsmart-{index}-*")]
    found += [name for name in os.listdir("/sys/class/net") if name == f"itsw{index}"]
    links = [path for path in Path("/var/log/containers").glob("*") if path.is_symlink()]
    found += [str(path) for path in links if f"{state}/" in os.readlink(path)]
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return found + [rule for rule in rules.splitlines() if f"itsw{index} " in rule]
