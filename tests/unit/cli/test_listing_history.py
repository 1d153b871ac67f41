"""Lists of executions with those of a history that has many."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.cli.clusters import ServedCluster
from orchestrator.cli.history import History, Parameters, Records
from orchestrator.cli.listing import Query
from orchestrator.cli.listing_history import list_with_history
from orchestrator.kube.access import of_kubeconfig
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.session.execution_filter import ExecutionFilter
from tests.unit.cli.conftest import CliEnvironment


class Long(History):
    """A history of so many executions, the newest first, all of them recorded at the same time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.asked: list[tuple[Parameters, int]] = []

    def executions(self, parameters: Parameters, limit: int) -> Records:
        self.asked.append((parameters, limit))
        names = [f"old-{number:04}" for number in range(self._number)]
        return Records([_execution(name) for name in names[:limit]], self._number)


def _execution(name: str) -> dict[str, Any]:
    metadata = {
        "name": name, "namespace": "default", "uid": name, "creationTimestamp": "2026",
        "labels": {"team": "sre"},
    }  # fmt: skip
    return {"metadata": metadata, "spec": {"workflow": "w"}, "status": {"phase": "Failed"}}


@pytest.fixture
def history() -> Long:
    return Long(700)


@pytest.fixture
def cluster(env: CliEnvironment, history: Long) -> ServedCluster:
    env.put("WorkflowExecution", "live", **_execution("live"))
    env.put("WorkflowExecution", "old-0001", **_execution("old-0001"))
    transport = BlockingTransport(of_kubeconfig(str(env.kubeconfig)))
    return ServedCluster(transport, "default", history)


def test_the_newest_of_many_are_listed_each_once_and_the_number_is_said(
    cluster: ServedCluster, history: Long, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ExecutionFilter("w", frozenset({"Failed", "TimedOut"}))
    found = list_with_history(cluster, Query(labels="team=sre"), chosen, "7d")
    assert len(found) == len({one["metadata"]["uid"] for one in found}) == 501
    (asked,) = history.asked
    assert asked == (
        [
            ("namespace", "default"), ("phase", "Failed"), ("phase", "TimedOut"), ("workflow", "w"),
            ("since", "7d"), ("label", "team=sre"),
        ],
        500,
    )  # fmt: skip
    assert "the newest 500 of 700 executions are read" in capsys.readouterr().err


def test_a_limit_says_how_many_are_read(
    cluster: ServedCluster, history: Long, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(list_with_history(cluster, Query(every=True, limit=3))) == 3
    assert history.asked == [([], 3)]
    assert capsys.readouterr().err == ""


def test_a_field_selector_applies_to_both(cluster: ServedCluster) -> None:
    def selected(fields: str) -> list[str]:
        found = list_with_history(cluster, Query(fields=fields), fields=fields)
        return [one["metadata"]["name"] for one in found]

    assert selected("metadata.name=old-0003") == ["old-0003"]
    assert selected("metadata.name==old-0003,spec.workflow!=w") == []
    others = selected("status.phase=Failed,metadata.name!=old-0003")
    assert (len(others), "old-0003" in others) == (500, False)


def test_a_selector_with_escapes_leaves_the_history_out(
    cluster: ServedCluster, history: Long, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list_with_history(cluster, Query(), fields=r"metadata.name=a\,b")
    assert {one["metadata"]["name"] for one in found} == {"live", "old-0001"}
    assert history.asked == []
    assert "the history is left out" in capsys.readouterr().err
