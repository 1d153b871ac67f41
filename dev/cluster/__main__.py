"""`python -m dev.cluster build|up|down|status|import-image`."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.cluster import elsewhere, embedded
from dev.cluster.api import Cluster, get
from dev.cluster.building import KUBERNETES, control_plane
from dev.cluster.errors import ClusterError
from dev.cluster.layout import STATES


def main() -> int:
    """Run one command; 1 when it failed, with one line on why."""
    options = _parser().parse_args()
    try:
        backend = elsewhere.choose()
        command = _COMMANDS[backend][options.command]
        facts = command(options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command again goes on", file=sys.stderr)
        return 130
    if options.output == "json":
        print(json.dumps(facts, indent=1))
    else:
        print(_plain(facts))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.cluster",
        description="A development cluster. CLUSTER=embedded|kind|current picks which; "
        "without it: kind when Docker answers, otherwise embedded.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--name", default="dev", help="which instance (dev)")
    shared.add_argument("-o", "--output", choices=["plain", "json"], default="plain")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", parents=[shared], help="start it, or say that it is up")
    up.add_argument("--fake-nodes", type=int, default=0, metavar="N", help="nodes without kubelet")
    up.add_argument("--no-kubelet", action="store_true", help="only the API server and fake nodes")
    up.add_argument("--bench", action="store_true", help="raise the control plane's limits")
    commands.add_parser(
        "build", parents=[shared], help="build the control plane unless it is built"
    )
    commands.add_parser("down", parents=[shared], help="stop it and remove all of it")
    commands.add_parser("status", parents=[shared], help="what runs")
    image = commands.add_parser("import-image", parents=[shared], help="give the node an image")
    image.add_argument("tar", type=Path, help="an OCI or Docker archive")
    return parser


def _embedded_up(options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    started = embedded.start(
        options.name, kubelet=not options.no_kubelet, fake_nodes=options.fake_nodes,
        bench=options.bench,
    )  # fmt: skip
    took = f"up in {time.monotonic() - began:.1f} s" if started else "was up already"
    return {"result": took, **_facts(get(options.name))}


def _embedded_build(_: argparse.Namespace) -> dict[str, Any]:
    return {"result": f"the control plane is {control_plane()}"}


def _embedded_down(options: argparse.Namespace) -> dict[str, Any]:
    there = embedded.stop(options.name)
    return {"cluster": options.name, "result": "down" if there else "there is none of this name"}


def _embedded_status(options: argparse.Namespace) -> dict[str, Any]:
    others = [plan.parent.name for plan in STATES.glob("*/plan.json")]
    beside = {"others": sorted(set(others) - {options.name})}
    try:
        return {**_facts(get(options.name)), **beside}
    except ClusterError:
        return {"cluster": options.name, "result": "is not up", **beside}


def _embedded_import(options: argparse.Namespace) -> dict[str, Any]:
    get(options.name).import_image(options.tar)
    return {"result": f"imported {options.tar}"}


def _facts(cluster: Cluster) -> dict[str, Any]:
    components = cluster.components()
    return {
        "cluster": cluster.name,
        "kind": "embedded",
        "kubernetes": KUBERNETES,
        "server": cluster.server,
        "kubeconfig": str(cluster.kubeconfig),
        "nodes": ["worker"] * ("kubelet" in components)
        + [f"{cluster.fake_nodes} fake"] * bool(cluster.fake_nodes),
        "running": [name for name, pid in components.items() if pid is not None],
        "ended": [name for name, pid in components.items() if pid is None],
        "logs": str(cluster.state / "logs"),
        "auditLog": str(cluster.audit_log),
    }


def _nothing_to_build(_: argparse.Namespace) -> dict[str, Any]:
    return {"result": "nothing to build for this kind of cluster"}


def _kind_up(options: argparse.Namespace) -> dict[str, Any]:
    if options.fake_nodes or options.no_kubelet or options.bench:
        raise ClusterError("kind has neither fake nodes nor --bench: set CLUSTER=embedded")
    return _kind_facts(options.name)


def _kind_facts(name: str) -> dict[str, Any]:
    return {"cluster": name, "kind": "kind", "kubeconfig": str(elsewhere.kind_up(name))}


def _kind_status(options: argparse.Namespace) -> dict[str, Any]:
    if elsewhere.kind_is_up(options.name):
        return _kind_facts(options.name)
    return {"cluster": options.name, "kind": "kind", "result": "is not up"}


def _kind_down(options: argparse.Namespace) -> dict[str, Any]:
    elsewhere.kind_down(options.name)
    return {"cluster": options.name, "result": "down"}


def _kind_import(options: argparse.Namespace) -> dict[str, Any]:
    elsewhere.kind_import(options.name, options.tar)
    return {"result": f"imported {options.tar}"}


def _current(_: argparse.Namespace) -> dict[str, Any]:
    version = json.loads(elsewhere.current())
    return {
        "cluster": "your own, as your kubeconfig says; nothing was changed",
        "kind": "current",
        "kubernetes": version["serverVersion"]["gitVersion"],
    }


def _current_import(_: argparse.Namespace) -> dict[str, Any]:
    raise ClusterError("push the image to a registry that your own cluster can pull from")


_COMMANDS: dict[str, dict[str, Callable[[argparse.Namespace], dict[str, Any]]]] = {
    "embedded": {
        "up": _embedded_up,
        "build": _embedded_build,
        "down": _embedded_down,
        "status": _embedded_status,
        "import-image": _embedded_import,
    },
    "kind": {
        "up": _kind_up,
        "build": _nothing_to_build,
        "down": _kind_down,
        "status": _kind_status,
        "import-image": _kind_import,
    },
    "current": {
        "up": _current,
        "build": _nothing_to_build,
        "down": _current,
        "status": _current,
        "import-image": _current_import,
    },
}


def _plain(facts: dict[str, Any]) -> str:
    lines = []
    for key, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        if text:
            lines.append(f"{key:<12}{text}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
