"""Start and stop the embedded cluster: our own processes, in an order that wastes no second."""

import fcntl
import json
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dev.cluster.building import control_plane
from dev.cluster.components import commands
from dev.cluster.configuration import write_configuration
from dev.cluster.credentials import NODE, write_credentials
from dev.cluster.errors import ClusterError
from dev.cluster.images import ctr, import_base_images
from dev.cluster.kube import Kube, wait_for
from dev.cluster.layout import STATES, Layout, Plan
from dev.cluster.leftovers import (
    make_control_groups,
    remove_folder,
    remove_leftovers,
    stop_pods,
)
from dev.cluster.network import reserve
from dev.cluster.processes import Processes
from dev.cluster.tools import require_kubelet_host

_TIMEOUT = 90.0  # seconds that any one part may take on a busy machine
_CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 20_000
_FIRST = ("etcd", "kube-apiserver", "containerd")  # the rest needs the API server to answer
_DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


def start(name: str, *, kubelet: bool, fake_nodes: int, bench: bool) -> bool:
    """Bring an instance up, or what of it has ended. False when all of it was up already."""
    layout = Layout.of(name)
    with _alone():
        plan = layout.plan()
        if plan is None:
            plan = _new(layout, kubelet=kubelet, fake_nodes=fake_nodes, bench=bench)
        elif (kubelet and plan.index is None) or fake_nodes > plan.fake_nodes or bench > plan.bench:
            raise ClusterError(f"{name} is up with other options: bring it down first")
        elif not ended(layout, plan):
            return False
        _run(layout, plan)
    return True


def stop(name: str) -> bool:
    """Bring an instance down and remove all of it, half-started ones too. False: there was none."""
    layout = Layout.of(name)
    with _alone():
        if not layout.root.exists():
            return False
        plan = layout.plan()
        running = processes(layout)
        # Nothing here outlives the folder, so nothing needs to be saved first. The kubelet goes
        # before its containers, or it would start them again.
        for component in running.names():
            if component != "containerd":
                running.stop(component, signal.SIGKILL)
        if plan is not None and plan.network is not None:
            if running.pid("containerd") is not None:
                stop_pods(layout)
            running.stop("containerd")
            remove_leftovers(layout, plan.network)
            plan.network.remove()
        remove_folder(layout.root)
    return True


def power_off(layout: Layout) -> None:
    """End a real node as a power cut does: nothing is notified, and no container is left."""
    running = processes(layout)
    running.stop("kubelet", signal.SIGKILL)
    stop_pods(layout)
    running.stop("containerd", signal.SIGKILL)


def processes(layout: Layout) -> Processes:
    """The processes of an instance."""
    return Processes(layout.root / "processes", layout.root / "logs")


def ended(layout: Layout, plan: Plan) -> list[str]:
    """The components that should run and do not."""
    running = processes(layout)
    return [name for name in commands(layout, plan) if running.pid(name) is None]


def _new(layout: Layout, *, kubelet: bool, fake_nodes: int, bench: bool) -> Plan:
    if kubelet:
        require_kubelet_host()
    program = control_plane()
    network = reserve() if kubelet else None
    api, etcd, peer = _free_ports(3)
    plan = Plan(
        name=layout.root.name, program=str(program), api_port=api, etcd_port=etcd,
        etcd_peer_port=peer, index=network.index if network else None,
        fake_nodes=fake_nodes, bench=bench,
    )  # fmt: skip
    try:
        _prepare(layout, plan)
    except BaseException:
        if network is not None:
            network.remove()
        remove_folder(layout.root)
        raise
    return plan


def _prepare(layout: Layout, plan: Plan) -> None:
    layout.root.mkdir(parents=True, exist_ok=True)
    addresses = ["127.0.0.1"]
    if plan.network is not None:
        plan.network.create()
        addresses += [plan.network.host, str(plan.network.services[1])]
    write_credentials(layout.credentials, addresses, server=plan.server, inner=plan.inner_server)
    write_configuration(layout, plan)
    layout.keep(plan)


def _run(layout: Layout, plan: Plan) -> None:
    """Start what does not run; the images are imported while the API server starts."""
    if not Path(plan.program).exists():
        raise ClusterError(f"{plan.program} is gone: bring {plan.name} down and up again")
    running = processes(layout)
    wanted = commands(layout, plan)
    if plan.network is not None:
        if not plan.network.exists:  # the machine was restarted
            plan.network.create()
        make_control_groups(plan.network)
    for component in _FIRST:
        if component in wanted:
            running.start(component, wanted[component])
    if plan.network is not None:
        wait_for("containerd", lambda: _answers(layout, running), _TIMEOUT)
        import_base_images(layout)
    kube = Kube(layout.kubeconfig)

    def api_ready() -> bool:
        running.require("etcd")
        running.require("kube-apiserver")
        return kube.get("/readyz") is not None

    wait_for("the API server", api_ready, _TIMEOUT)
    for component, command in wanted.items():
        running.start(component, command)
    kube.create("/apis/storage.k8s.io/v1/storageclasses", _STORAGE_CLASS)

    def all_ready() -> bool:
        for component in wanted:
            running.require(component)
        return _nodes_ready(kube, plan) and kube.get(_DEFAULT_ACCOUNT) is not None

    wait_for("the cluster", all_ready, _TIMEOUT)


def _answers(layout: Layout, running: Processes) -> bool:
    running.require("containerd")
    return layout.socket.exists() and "SERVER" in ctr(layout, "version", check=False).upper()


def _nodes_ready(kube: Kube, plan: Plan) -> bool:
    names = [f"fake-{i}" for i in range(plan.fake_nodes)]
    if plan.network is not None:
        names.append(NODE)
    listed = json.loads(kube.get("/api/v1/nodes") or b'{"items": []}')["items"]
    ready = {
        node["metadata"]["name"]
        for node in listed
        for condition in node["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
        # The taint of a new node is lifted a moment after it is Ready.
        if not any(
            t["key"].startswith("node.kubernetes.io/") for t in node["spec"].get("taints", [])
        )
    }
    return ready.issuperset(names)


_STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "dev.automation.itechsmart.dev/folder",
    "volumeBindingMode": "WaitForFirstConsumer",
    "reclaimPolicy": "Delete",
}


@contextmanager
def _alone() -> Iterator[None]:
    """One up or down at a time."""
    STATES.mkdir(exist_ok=True)
    with (STATES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on; taken together, so that they differ.

    They are below those that the kernel gives to clients: who asks for a component while it is away
    could otherwise be given its port, be connected to itself, and keep the component from starting.
    """
    clients = int(_CLIENT_PORTS.read_text().split()[0])
    candidates = range(_LOWEST_PORT, clients) if clients > _LOWEST_PORT else range(1024, 65536)
    with ExitStack() as open_sockets:
        taken: list[int] = []
        for port in random.sample(candidates, len(candidates)):
            one = open_sockets.enter_context(socket.socket())
            with suppress(OSError):
                one.bind(("0.0.0.0", port))  # noqa: S104 - the API server listens on all addresses
                taken.append(port)
            if len(taken) == count:
                return taken
    raise ClusterError(f"no {count} free ports in {candidates}")
