"""The command line of every component. What is here was tried.

docs/reference/development-cluster.md explains the choices that are not plain from the flags.
"""

from collections.abc import Callable

from dev.cluster.credentials import NODE
from dev.cluster.layout import Layout, Plan
from dev.cluster.network import Network
from dev.cluster.shell import which

# The defaults (20 and 30) keep a large cluster's peace; here they would only make tests wait.
_UNHURRIED = ("--kube-api-qps=500", "--kube-api-burst=1000")


def commands(layout: Layout, plan: Plan) -> dict[str, list[str]]:
    """Every component of this instance with its command, in the order they start."""
    makers: dict[str, Callable[[Layout, Plan], list[str]]] = {
        "etcd": _etcd,
        "kube-apiserver": _apiserver,
        "kube-controller-manager": _controller_manager,
        "kube-scheduler": _scheduler,
        "provisioner": _provisioner,
    }
    found = {name: [plan.program, name, *make(layout, plan)] for name, make in makers.items()}
    if plan.network is not None:
        found |= _node(layout, plan, plan.network)
    if plan.fake_nodes:
        found["fakenodes"] = [plan.program, "fakenodes", *_fake_nodes(layout, plan)]
    return found


def _etcd(layout: Layout, plan: Plan) -> list[str]:
    client = f"http://127.0.0.1:{plan.etcd_port}"
    peer = f"http://127.0.0.1:{plan.etcd_peer_port}"
    return [
        f"--data-dir={layout.root / 'etcd'}",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # nothing here outlives the machine
        "--quota-backend-bytes=4294967296",
        "--max-wals=0",  # all are kept: tests read what was ever stored
        "--log-level=warn",
    ]  # fmt: skip


def _apiserver(layout: Layout, plan: Plan) -> list[str]:
    keys = layout.credentials
    flags = [
        f"--etcd-servers=http://127.0.0.1:{plan.etcd_port}",
        f"--secure-port={plan.api_port}",
        f"--service-cluster-ip-range={plan.services}",
        f"--tls-cert-file={keys / 'apiserver.crt'}",
        f"--tls-private-key-file={keys / 'apiserver.key'}",
        f"--client-ca-file={keys / 'ca.crt'}",
        f"--kubelet-client-certificate={keys / 'kubelet-client.crt'}",
        f"--kubelet-client-key={keys / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--token-auth-file={keys / 'tokens.csv'}",
        f"--service-account-key-file={keys / 'service-accounts.key'}",
        f"--service-account-signing-key-file={keys / 'service-accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={layout.config / 'audit.yaml'}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-maxsize=10000",  # MB: never rotated, tests count its lines
    ]
    if plan.network is None:
        # Loopback only, and no endpoints for the service `kubernetes`: nothing uses it.
        flags += ["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"]
    else:
        flags += ["--bind-address=0.0.0.0", f"--advertise-address={plan.network.host}"]
    if plan.bench:
        flags += ["--max-requests-inflight=3000", "--max-mutating-requests-inflight=1000"]
    return flags


def _controller_manager(layout: Layout, plan: Plan) -> list[str]:
    keys = layout.credentials
    flags = [
        f"--kubeconfig={keys / 'kube-controller-manager.kubeconfig'}",
        f"--root-ca-file={keys / 'ca.crt'}",
        f"--cluster-signing-cert-file={keys / 'ca.crt'}",
        f"--cluster-signing-key-file={keys / 'ca.key'}",
        f"--service-account-private-key-file={keys / 'service-accounts.key'}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        *_UNHURRIED,
    ]
    return [*flags, "--concurrent-job-syncs=20"] if plan.bench else flags


def _scheduler(layout: Layout, _: Plan) -> list[str]:
    kubeconfig = f"--kubeconfig={layout.credentials / 'kube-scheduler.kubeconfig'}"
    return [kubeconfig, "--leader-elect=false", "--secure-port=0", *_UNHURRIED]


def _provisioner(layout: Layout, _: Plan) -> list[str]:
    return [f"--kubeconfig={layout.kubeconfig}", f"--folder={layout.root / 'volumes'}"]


def _fake_nodes(layout: Layout, plan: Plan) -> list[str]:
    flags = [f"--kubeconfig={layout.kubeconfig}", f"--nodes={plan.fake_nodes}"]
    # Beside a real node, ordinary pods stay away from fake ones.
    return [*flags, "--taint"] if plan.network is not None else flags


def _node(layout: Layout, plan: Plan, network: Network) -> dict[str, list[str]]:
    keys, config = layout.credentials, layout.config
    containerd = which("containerd") or "containerd"
    kubelet = [
        plan.program, "kubelet",
        f"--config={config / 'kubelet.json'}",
        f"--kubeconfig={keys / 'kubelet.inner.kubeconfig'}",
        f"--root-dir={layout.root / 'kubelet'}",
        f"--cert-dir={layout.root / 'kubelet-certificates'}",
        f"--hostname-override={NODE}",
        f"--node-ip={network.node}",
        "--node-labels=type=real",
    ]  # fmt: skip
    return {
        "containerd": network.inside(containerd, "--config", str(config / "containerd.toml")),
        "kubelet": network.inside(*kubelet),
        "kube-proxy": network.inside(
            plan.program, "kube-proxy", f"--config={config / 'kube-proxy.json'}"
        ),
        "coredns": network.inside(plan.program, "coredns", "-conf", str(config / "Corefile")),
    }
