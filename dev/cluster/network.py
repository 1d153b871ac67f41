"""A network namespace for each instance, so that several can run their own kube-proxy and bridge.

The namespace holds the pods, the kubelet and what serves them; a veth pair joins it to the host,
where the API server is. Removing the namespace removes its bridge and its packet rules with it.
"""

import fcntl
import ipaddress
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, succeeds, which

_BLOCKS = ipaddress.IPv4Network("10.213.0.0/16")  # one /22 an instance
_MOST = 64
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_PREFIX = "itechsmart-"


@dataclass(frozen=True)
class Network:
    """The names and addresses of one instance; all follow from its index."""

    index: int

    @property
    def namespace(self) -> str:
        """The network namespace, and the control group of the pods."""
        return f"{_PREFIX}{self.index}"

    @property
    def block(self) -> ipaddress.IPv4Network:
        """All addresses of the instance: pods, services, uplink and one part spare."""
        return _block(self.index)

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The pods' addresses; the first is the bridge's."""
        return self._parts[0]

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The services' addresses; the first is the API server's."""
        return self._parts[1]

    @property
    def host(self) -> str:
        """The host's end of the veth pair, where pods reach the API server."""
        return str(self._parts[2][1])

    @property
    def node(self) -> str:
        """The namespace's end, the node's address."""
        return str(self._parts[2][2])

    @property
    def bridge(self) -> str:
        """The bridge's address, where pods find their name server."""
        return str(self.pods[1])

    def inside(self, *argv: str) -> list[str]:
        """A command that runs in the namespace (and nowhere else: mounts stay the host's)."""
        nsenter = which("nsenter")
        assert nsenter is not None, "util-linux is among the required packages"
        return [nsenter, f"--net=/run/netns/{self.namespace}", "--", *argv]

    @property
    def exists(self) -> bool:
        """Whether the namespace is there; a restart of the machine removes it."""
        return Path("/run/netns", self.namespace).exists()

    def create(self) -> None:
        """Make the namespace, the bridge and the way between them and the host."""
        namespace, link = self.namespace, self._link
        if not self.exists:
            run("ip", "netns", "add", namespace)
        try:
            run(
                "ip",
                "link",
                "add",
                link,
                "type",
                "veth",
                "peer",
                "name",
                "uplink",
                "netns",
                namespace,
            )
            run("ip", "-n", namespace, "link", "add", "pods0", "type", "bridge")
        except ClusterError as error:
            raise ClusterError(
                f"the kernel must offer veth and bridge interfaces: {error}"
            ) from None
        run("ip", "address", "add", f"{self.host}/30", "dev", link)
        run("ip", "link", "set", link, "up")
        for device, address in (("uplink", f"{self.node}/30"), ("pods0", f"{self.bridge}/24")):
            run("ip", "-n", namespace, "address", "add", address, "dev", device)
        for device in ("lo", "uplink", "pods0"):
            run("ip", "-n", namespace, "link", "set", device, "up")
        run("ip", "-n", namespace, "route", "add", "default", "via", self.host)
        for reachable in (self.pods, self.services):
            run("ip", "route", "add", str(reachable), "via", self.node)
        run(*self.inside("sh", "-c", f"echo 1 > {_FORWARD}"))
        if _FORWARD.read_text().strip() != "1":
            _FORWARD.write_text("1\n")  # as Docker does; never reset: others may rely on it
        self._remove_rules()
        for rule in self._rules():
            run("iptables", "-w", "-t", rule[0], "-I", *rule[1:])

    def remove(self) -> None:
        """Remove all that `create` made; what is already gone is no error."""
        self._remove_rules()
        run("ip", "link", "delete", self._link, check=False)
        run("ip", "netns", "delete", self.namespace, check=False)

    @property
    def _parts(self) -> list[ipaddress.IPv4Network]:
        return list(self.block.subnets(new_prefix=24))

    @property
    def _link(self) -> str:
        return f"itsw{self.index}"

    def _remove_rules(self) -> None:
        for rule in self._rules():
            run("iptables", "-w", "-t", rule[0], "-D", *rule[1:], check=False)

    def _rules(self) -> list[list[str]]:
        """Packets from pods may reach the host and, under its address, the world."""
        block, link = str(self.block), self._link
        return [
            ["filter", "INPUT", "-i", link, "-j", "ACCEPT"],
            ["filter", "FORWARD", "-i", link, "-j", "ACCEPT"],
            ["filter", "FORWARD", "-o", link, "-j", "ACCEPT"],
            ["nat", "POSTROUTING", "-s", block, "!", "-d", block, "-j", "MASQUERADE"],
        ]


def reserve() -> Network:
    """Take the first index that no other instance on this machine has, whatever checkout it is of.

    Raises ClusterError when the kernel has no network namespaces or all indexes are taken.
    """
    with Path(tempfile.gettempdir(), f"{_PREFIX}network.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        used = _routes()
        for index in range(_MOST):
            network = Network(index)
            if network.exists or any(network.block.overlaps(route) for route in used):
                continue
            if not succeeds(["ip", "netns", "add", network.namespace]):
                raise ClusterError("this kernel or container cannot make network namespaces")
            return network
    raise ClusterError(f"no free addresses in {_BLOCKS}: bring another instance down")


def _block(index: int) -> ipaddress.IPv4Network:
    return list(_BLOCKS.subnets(new_prefix=22))[index]


def _routes() -> list[ipaddress.IPv4Network]:
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]")
    found = [str(route["dst"]) for route in routes if route.get("dst", "default") != "default"]
    return [ipaddress.IPv4Network(dst, strict=False) for dst in found]
