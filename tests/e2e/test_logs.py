"""`orchestrator logs` of pods that run at the same time on a real kubelet."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dev.cluster.images import BUSYBOX_IMAGE
from tests.commandline import CommandLine
from tests.kube import Kubectl, ended, execution, manifest, workflow

ITEMS, LINES = 3, 5
TALK = manifest(
    "Template",
    "talk",
    {
        "action": {
            "image": BUSYBOX_IMAGE,
            "script": {
                "interpreter": "sh",
                "source": f"for i in $(seq {LINES}); do echo line $i; sleep 1; done",
            },
        },
    },
)
NODE = {
    "name": "each",
    "action": "local/talk",
    "forEach": {"values": "[0, 1, 2]", "as": "item", "parallelism": ITEMS},
}
pytestmark = pytest.mark.usefixtures("operator")


def parts(lines: list[str]) -> list[tuple[str, str, str]]:
    """Of each line the pod, the timestamp and the text; every pod's are whole and in order."""
    found = []
    for line in lines:
        who, _, stamped = line.partition(" | ")
        stamp, _, text = stamped.partition(" ")
        found.append((who, stamp, text))
    for item in range(ITEMS):
        own = [text for who, _, text in found if who == f"each[{item}]"]
        assert own == [f"line {number}" for number in range(1, LINES + 1)]
    assert len(lines) == ITEMS * LINES
    return found


def changes(found: list[tuple[str, str, str]]) -> int:
    """How often the next line is another pod's."""
    return sum(before[0] != after[0] for before, after in pairwise(found))


def test_the_lines_of_items_are_merged_while_they_run_and_afterwards(kubectl: Kubectl) -> None:
    cli = CommandLine(kubectl.kubeconfig, kubectl.namespace)
    kubectl.apply(TALK, workflow("talks", nodes=[NODE]))
    kubectl.create(execution("talks", "run"))
    followed = cli("logs", "run", "--follow", "--timestamps")
    assert followed.returncode == 0, followed.stderr
    # A pod that has just begun may be found a second after its first line.
    assert changes(parts(followed.stdout.splitlines())) > ITEMS
    ended(kubectl, "run")
    merged = parts(cli("logs", "run", "--timestamps").stdout.splitlines())
    stamps = [stamp for _, stamp, _ in merged]
    assert stamps == sorted(stamps)
    assert changes(merged) > ITEMS
