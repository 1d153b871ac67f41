"""Clusters from Python, for tests and scripts.

cluster = up("tests", kubelet=False, fake_nodes=2)
...
down("tests")
"""

import signal
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import embedded
from dev.cluster.components import commands
from dev.cluster.errors import ClusterError
from dev.cluster.images import import_image
from dev.cluster.layout import Layout, Plan


@dataclass(frozen=True)
class Cluster:
    """An embedded cluster that is up."""

    name: str
    kubeconfig: Path
    """The administrator's; nothing else refers to the cluster."""
    server: str
    """The API server's URL on this machine."""
    audit_log: Path
    """One JSON object (audit.k8s.io/v1 Event) a line for each write, without bodies."""
    state: Path
    """The folder of all its state; its logs are in logs/."""
    fake_nodes: int

    @property
    def host(self) -> str:
        """This machine's address as pods of the real node reach it."""
        network = _plan(Layout(self.state)).network
        if network is None:
            raise ClusterError(f"{self.name} has no real node, so no pods that reach anything")
        return network.host

    def components(self) -> dict[str, int | None]:
        """Every component with its pid; None when it does not run."""
        layout = Layout(self.state)
        running = embedded.processes(layout)
        return {name: running.pid(name) for name in commands(layout, _plan(layout))}

    def stop_component(self, name: str, how: int = signal.SIGTERM) -> None:
        """Send a signal; returns when the process has ended (SIGSTOP: at once, suspended)."""
        self._known(name)
        embedded.processes(Layout(self.state)).stop(name, how)

    def start_component(self, name: str) -> None:
        """Start it again as it was, or let a suspended one go on; returns before it is ready."""
        self._known(name)
        embedded.processes(Layout(self.state)).restart(name)

    def power_off(self) -> None:
        """End the real node and all that runs on it at once, untold; `up` starts it again."""
        self._known("kubelet")
        embedded.power_off(Layout(self.state))

    def import_image(self, tar: Path) -> None:
        """Make the images of an OCI or Docker archive known to the node."""
        if "containerd" not in self.components():
            raise ClusterError(f"{self.name} has no real node, so no images")
        import_image(Layout(self.state), tar)

    def _known(self, name: str) -> None:
        names = self.components()
        if name not in names:
            raise ClusterError(f"{self.name} has no component {name}, only {', '.join(names)}")


def up(
    name: str = "dev", *, kubelet: bool = True, fake_nodes: int = 0, bench: bool = False
) -> Cluster:
    """Bring up an embedded cluster, or return the one of this name that is up.

    `kubelet`: with one real node (`worker`), which needs root; otherwise pods run on fake nodes
    only. `bench` raises the control plane's limits. Raises ClusterError with what to do.
    """
    embedded.start(name, kubelet=kubelet, fake_nodes=fake_nodes, bench=bench)
    return get(name)


def down(name: str = "dev") -> bool:
    """Bring a cluster down and remove all of it. False when there was none."""
    return embedded.stop(name)


def get(name: str = "dev") -> Cluster:
    """The cluster of this name. Raises ClusterError when there is none."""
    layout = Layout.of(name)
    plan = _plan(layout)
    return Cluster(
        name=name, kubeconfig=layout.kubeconfig, server=plan.server, audit_log=layout.audit_log,
        state=layout.root, fake_nodes=plan.fake_nodes,
    )  # fmt: skip


def _plan(layout: Layout) -> Plan:
    plan = layout.plan()
    if plan is None:
        raise ClusterError(f"no cluster {layout.root.name} is up")
    return plan
