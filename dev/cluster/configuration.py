"""The configuration files of the components that take one."""

import ipaddress
import json
from pathlib import Path
from typing import Any

from dev.cluster.audit import OPERATOR_NAMESPACE
from dev.cluster.credentials import NODE
from dev.cluster.layout import Layout, Plan
from dev.cluster.network import Network
from dev.cluster.shell import run

PAUSE_IMAGE = "localhost/pause:dev"

# systemd-resolved's own file names the real servers; /etc/resolv.conf then names only itself.
_RESOLV = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
_KUBELET = "kubelet.config.k8s.io/v1beta1"
_KUBE_PROXY = "kubeproxy.config.k8s.io/v1alpha1"


def write_configuration(layout: Layout, plan: Plan) -> None:
    """Write every configuration file of an instance."""
    layout.config.mkdir(parents=True, exist_ok=True)
    _json(layout.config / "audit.yaml", _audit())
    if plan.network is not None:
        _write_node(layout, plan.network)


def _write_node(layout: Layout, network: Network) -> None:
    servers = _name_servers()
    resolv = layout.config / "resolv.conf"
    resolv.write_text("".join(f"nameserver {server}\n" for server in servers))
    _json(layout.config / "kubelet.json", _kubelet(layout, network, resolv))
    _json(layout.config / "kube-proxy.json", _kube_proxy(layout, network))
    (layout.config / "Corefile").write_text(_corefile(layout, network, servers))
    (layout.config / "containerd.toml").write_text(_containerd(layout))
    (layout.config / "cni").mkdir(exist_ok=True)
    _json(layout.config / "cni" / "pods.conflist", _cni(layout, network))


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1))


def _audit() -> dict[str, Any]:
    """Every write with its user and object, and whatever service accounts of ours ask; no bodies.

    Leases and events of others only add noise.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{OPERATOR_NAMESPACE}"]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io"}]},
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {"level": "None", "resources": [{"group": "events.k8s.io"}]},
            {"level": "Metadata"},
        ],
    }


def _kubelet(layout: Layout, network: Network, resolv: Path) -> dict[str, Any]:
    return {
        "apiVersion": _KUBELET,
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{layout.socket}",
        "address": network.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(layout.credentials / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},  # for the API server's certificate, no one else
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{network.namespace}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "100Mi"},
        # Imported images cannot be pulled again, so they are never collected.
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "clusterDNS": [network.bridge],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolv),
        "podLogsDir": str(layout.root / "pod-logs"),
        "volumePluginDir": str(layout.root / "volume-plugins"),
        "readOnlyPort": 0,
        "maxPods": 200,
    }


def _kube_proxy(layout: Layout, network: Network) -> dict[str, Any]:
    return {
        "apiVersion": _KUBE_PROXY,
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.credentials / "kube-proxy.inner.kubeconfig")},
        "hostnameOverride": NODE,
        "mode": "iptables",
        "clusterCIDR": str(network.pods),
        # A pod may call itself or its neighbour through a Service without br_netfilter.
        "iptables": {"masqueradeAll": True},
        # Zeros: leave the machine's connection tracking as it is.
        "conntrack": {
            "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
        },
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }  # fmt: skip


def _corefile(layout: Layout, network: Network, servers: list[str]) -> str:
    forward = f"forward . {' '.join(servers)}" if servers else ""
    return f""".:53 {{
    bind {network.bridge}
    errors
    cache 5
    loadbalance
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {layout.credentials / "admin.inner.kubeconfig"}
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    {forward}
}}
"""


def _cni(layout: Layout, network: Network) -> dict[str, Any]:
    return {
        "cniVersion": "1.0.0",
        "name": network.namespace,
        "plugins": [
            {
                "type": "bridge", "bridge": "pods0", "isGateway": True, "hairpinMode": True,
                "ipam": {
                    "type": "host-local", "dataDir": str(layout.root / "addresses"),
                    "ranges": [[{"subnet": str(network.pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }  # fmt: skip


def _containerd(layout: Layout) -> str:
    root = layout.root
    # overlayfs cannot lie on overlayfs, which is what a container's own root is.
    nested = run("stat", "-f", "-c", "%T", root).strip() == "overlayfs"
    return f"""version = 2
root = "{root}/containerd/root"
state = "{root}/containerd/state"
[grpc]
  address = "{layout.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  netns_mounts_under_state_dir = true
  # Root in a container may lack the capability to lower a score.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{layout.config}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{"native" if nested else "overlayfs"}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "{root}/containerd/runc"
"""


def _name_servers() -> list[str]:
    """The machine's name servers that can be reached from another network namespace."""
    source = next((path for path in _RESOLV if path.exists()), None)
    lines = source.read_text().splitlines() if source else []
    found = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    return [server for server in found if not _loopback(server)]


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True  # a scoped IPv6 address: not ours to forward to
