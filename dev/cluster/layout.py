"""Where things are in an instance's state folder, and what was decided when it was made."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.network import Network

PROJECT = Path(__file__).parents[2]
STATES = PROJECT / ".cluster"

# A Unix socket's path has at most 107 bytes (unix(7)); containerd adds ".ttrpc" to one.
_MAX_SOCKET = 101


@dataclass(frozen=True)
class Plan:
    """What an instance is; chosen once, kept in its folder, so that a restart is the same again."""

    name: str
    program: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    index: int | None
    """Of its network; None without a kubelet."""
    fake_nodes: int
    bench: bool

    @property
    def network(self) -> Network | None:
        """Its network namespace; None without a kubelet."""
        return None if self.index is None else Network(self.index)

    @property
    def services(self) -> str:
        """The addresses of Services; nothing routes them where no pod runs."""
        return str(self.network.services) if self.network else "10.213.252.0/24"

    @property
    def server(self) -> str:
        """The API server's URL on this machine."""
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def inner_server(self) -> str:
        """The same for programs in the instance's network namespace."""
        return f"https://{self.network.host}:{self.api_port}" if self.network else self.server


@dataclass(frozen=True)
class Layout:
    """The files of one instance."""

    root: Path

    @classmethod
    def of(cls, name: str) -> "Layout":
        """The folder of an instance of this checkout."""
        layout = cls(STATES / name)
        if len(str(layout.socket)) > _MAX_SOCKET:
            raise ClusterError(f"{layout.root} is too long a path for a socket: move the checkout")
        return layout

    @property
    def credentials(self) -> Path:
        """Keys, tokens, kubeconfigs."""
        return self.root / "credentials"

    @property
    def config(self) -> Path:
        """The components' configuration files."""
        return self.root / "config"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.credentials / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One line of JSON for each write to the API server."""
        return self.root / "audit.log"

    @property
    def socket(self) -> Path:
        """containerd's."""
        return self.root / "containerd.sock"

    def plan(self) -> Plan | None:
        """What was decided when the instance was made; None when there is none."""
        try:
            return Plan(**json.loads((self.root / "plan.json").read_text()))
        except FileNotFoundError:
            return None

    def keep(self, plan: Plan) -> None:
        """Write the plan down; from then on the instance is there."""
        (self.root / "plan.json").write_text(json.dumps(asdict(plan), indent=1))
