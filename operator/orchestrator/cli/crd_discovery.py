"""Waits until the API server serves the kinds of this API, after their definitions were created."""

from __future__ import annotations

import time

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import KINDS
from orchestrator.models.base import API_VERSION
from orchestrator.session.durations import read_duration
from orchestrator.session.errors import NotFoundError, UnreachableError, UsageError

PAUSE = 1.0
"""Seconds between two questions."""
IN_A_ROW = 2
"""Answers with all kinds that are needed: other replicas of the API server are a moment behind."""


def wait_until_served(target: Target, within: str) -> None:
    """Return once all kinds are served. Raises UsageError if that takes longer than `within`."""
    cluster, until = target.connect(), time.monotonic() + read_duration("--wait", within)
    answers = 0
    while answers < IN_A_ROW:
        missing = _missing(cluster)
        answers = 0 if missing else answers + 1
        if missing and time.monotonic() > until:
            raise UsageError(
                f"after {within} the API server does not serve {', '.join(missing)}; see"
                " `kubectl get crd`, column ESTABLISHED AT, and its conditions"
            )
        time.sleep(PAUSE)
    say("all kinds are served")


def _missing(cluster: Cluster) -> list[str]:
    try:
        answer = cluster.request("GET", f"/apis/{API_VERSION}")
    except NotFoundError:
        answer = {}
    except UnreachableError:  # it may restart meanwhile
        answer = {}
    served = {resource["name"] for resource in answer.get("resources") or ()}
    return sorted(kind.plural for kind in KINDS if kind.plural not in served)
