"""The configuration of Argo CD with our health checks and actions, generated from Lua.

`python -m dev.gitops generate` writes it, `check` fails if it is out of date, and `build` builds
the program with which tests ask Argo CD's and Flux' own packages.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.cluster.building import built
from dev.cluster.errors import ClusterError
from dev.cluster.shell import run
from dev.cluster.tools import go
from orchestrator.models.base import GROUP

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "tests/gitops"
LUA = ROOT / "manifests/gitops/argocd/lua"
CONFIGURATION = ROOT / "manifests/gitops/argocd/argocd-cm.yaml"

HEAD = """\
# Health checks and actions of this project, for Argo CD's ConfigMap. Generated from lua/ by
# `make generate`: a script begins with what it shares with others.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
data:
"""

HEALTH: dict[str, tuple[str, ...]] = {
    "Workflow": ("conditions.lua",),
    "WorkflowExecution": (),
    "Trigger": ("conditions.lua",),
    "Template": ("conditions.lua",),
    "ClusterTemplate": ("conditions.lua",),
    "Incident": ("conditions.lua",),
}
"""What the health check of each kind shares with others."""
DISCOVERY: dict[str, tuple[str, ...]] = {
    "Workflow": ("Workflow/actions/parameters.lua",),
    "WorkflowExecution": ("WorkflowExecution/actions/ended.lua",),
}
"""What the list of a kind's actions shares with them."""
ACTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Workflow": {"run": ("account.lua", "Workflow/actions/parameters.lua")},
    "WorkflowExecution": {
        "cancel": (),
        "rerun": ("account.lua", "WorkflowExecution/actions/ended.lua"),
    },
}
"""What each action of a kind shares with others."""


def configuration() -> str:
    """The ConfigMap argocd-cm, as far as it is ours."""
    return HEAD + "".join(_data())


def _data() -> Iterator[str]:
    for kind, shared in HEALTH.items():
        yield f"  resource.customizations.health.{GROUP}_{kind}: |\n"
        yield _block(_script(*shared, f"{kind}/health.lua"), 4)
    for kind, actions in ACTIONS.items():
        yield f"  resource.customizations.actions.{GROUP}_{kind}: |\n"
        yield "    discovery.lua: |\n"
        yield _block(_script(*DISCOVERY[kind], f"{kind}/actions/discovery.lua"), 6)
        yield "    definitions:\n"
        for name, common in actions.items():
            yield f"      - name: {name}\n"
            yield "        action.lua: |\n"
            yield _block(_script(*common, f"{kind}/actions/{name}/action.lua"), 10)


def _script(*files: str) -> str:
    return "\n".join((LUA / file).read_text(encoding="utf-8") for file in files)


def _block(text: str, spaces: int) -> str:
    return "".join(
        f"{' ' * spaces}{line}" if line.strip() else line for line in text.splitlines(True)
    )


def program() -> str:
    """The path of the program in tests/gitops; builds it first when its sources changed."""
    return str(built("gitops", SOURCES, "-s -w"))


def argo_cd() -> Path:
    """The folder with the source of Argo CD, as the program in tests/gitops is built from it."""
    program()
    module = "github.com/argoproj/argo-cd/v3"
    return Path(run(go(), "-C", SOURCES, "list", "-m", "-f", "{{.Dir}}", module).strip())


def main() -> int:
    """Run the subcommand; 1 if the configuration is out of date or the build fails."""
    parser = argparse.ArgumentParser(prog="python -m dev.gitops", description=__doc__)
    parser.add_argument("what", choices=["generate", "check", "build"])
    match parser.parse_args().what:
        case "generate":
            CONFIGURATION.write_text(configuration(), encoding="utf-8")
        case "check" if CONFIGURATION.read_text(encoding="utf-8") != configuration():
            place = CONFIGURATION.relative_to(ROOT)
            print(f"{place} is out of date: run `make generate`", file=sys.stderr)
            return 1
        case "build":
            try:
                program()
            except ClusterError as error:
                print(f"error: {error}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
