"""A scenario of commands, whose output is compared with and without access to the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import yaml

from tests.commandline import CommandLine
from tests.kube import Kubectl, ended, eventually, manifest, workflow

WAITS = {"name": "hold", "wait": {"signal": "go"}}
AFTER = {"name": "after", "transform": {"x": "1"}}
SERVED = manifest("Template", "quiet", {"action": {"image": "busybox", "command": ["true"]}})
FLOW = workflow(
    "flow",
    variables=[{"name": "count", "type": "integer", "required": True}],
    nodes=[WAITS, {"name": "quiet", "action": "local/quiet"}, {"name": "ask", "approval": {
        "approvers": ["group:system:authenticated"]}}],
    edges=[{"from": "hold", "to": "quiet"}, {"from": "quiet", "to": "ask"}],
)  # fmt: skip
WRONG = workflow("wrong", nodes=[{"name": "a", "action": "local/quiet", "with": {"x": 1}}])
BY_HAND = manifest("Trigger", "hand", {"workflow": "flow", "manual": {}, "variables": {
    "count": 7}})  # fmt: skip


def scenario_steps(folder: Path) -> Iterator[tuple[str, ...]]:
    """The commands of the scenario; `until` waits for a node's phase, `ended` for the execution."""
    for name, documents in {
        "good.yaml": [SERVED, FLOW, BY_HAND, workflow("quick", nodes=[AFTER])],
        "wrong.yaml": [WRONG],
        "other.yaml": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}],
    }.items():
        (folder / name).write_text(yaml.safe_dump_all(documents))
    good = str(folder / "good.yaml")
    yield "apply", "-f", good
    yield "apply", "-f", str(folder / "wrong.yaml")
    yield "get", "workflow", "flwo"
    yield "run", "flow", "--var", "count=1", "--name", "one"
    yield "until", "one", "hold", "Waiting"
    yield "pause", "one"
    yield "resume", "one"
    yield "explain", "one", "hold"
    yield "signal", "one", "go", "--id", "1"
    yield "until", "one", "ask", "Waiting"
    yield "get", "approvals"
    yield "approve", "one", "ask", "--comment", "fine"
    yield "ended", "one"
    yield "wait", "one"
    yield ("without pods",)
    yield "logs", "one"
    yield "rerun", "one", "--from", "ask", "--name", "two"
    yield "until", "two", "ask", "Waiting"
    yield "cancel", "two"
    yield "ended", "two"
    yield "watch", "two"
    yield "trigger", "next", "hand"
    yield "delete", "one", "--force"
    yield "run", "quick", "--name", "quick", "--watch"
    yield "list", "-o", "name"


def run_scenario(line: CommandLine, admin: Kubectl, folder: Path) -> list[str]:
    """Run the scenario; returns the output and exit code of each command, normalized."""
    printed = []
    for step in scenario_steps(folder):
        if step[0] == "until":
            eventually(partial(_has_phase, admin, *step[1:]))
        elif step[0] == "ended":
            ended(admin, step[1])
        elif step == ("without pods",):
            admin("delete", "pods", "--all", "--force", "--grace-period=0")
        else:
            done = line(*step)
            text = f"{' '.join(step)}: {done.returncode}\n{done.stdout}{done.stderr}"
            print(text)  # shown if the test fails
            text = text.replace(admin.namespace, "NS").replace(str(folder), "FOLDER")
            printed.append(_normalized(text, last="--watch" in step))
    return printed


_DURATION = re.compile(r"(?<![\w.])<?\d+(?:\.\d+)?(?:ms|[smh])(?:\d+(?:\.\d+)?[sm])*\b")


def _normalized(text: str, *, last: bool) -> str:
    """The output without times, widths and order; with `last`, only its last line."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = _DURATION.sub("DURATION", text)
    proposed = "the history may have it", "--server URL"  # where the history is not read already
    lines = [
        " ".join(line.split())
        for line in text.strip().splitlines()
        if not any(words in line for words in proposed)
    ]
    return lines[-1] if last else "\n".join(sorted(lines))


def _has_phase(admin: Kubectl, execution: str, node: str, phase: str) -> bool:
    nodes = admin.get("awfx", execution).get("status", {}).get("nodes", {})
    return bool(nodes.get(node, {}).get("phase") == phase)


def kubeconfig_with_token(source: Path, token: str, target: Path) -> Path:
    """A copy of a kubeconfig with a user's token instead of its credentials."""
    config = yaml.safe_load(source.read_text())
    config["users"][0]["user"] = {"token": token}
    target.write_text(yaml.safe_dump(config))
    return target
