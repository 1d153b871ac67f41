"""What the caches know: no more than there is, whatever was reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from orchestrator.controller.definitions.reconciler import DefinitionReconciler
from orchestrator.controller.definitions.triggers import TriggerJudge
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.controller.executions.watch_events import WatchEvents
from orchestrator.controller.informers import Caches, Watches
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import INCIDENTS, WORKFLOWS
from tests.apiserver import ApiServer
from tests.builders import IMAGE
from tests.metrics import samples

SPEC = {"nodes": [{"name": "d", "delay": "1s"}]}


class Operator:
    """As much of one as judges Workflows."""

    def __init__(self, client: ApiClient, namespaces: tuple[str, ...] = ()) -> None:
        self.caches = Caches()
        workflows = self.caches.workflows
        self.judge = Workflows(
            workflows, self.caches.templates, self.caches.cluster_templates, IMAGE
        )
        self.metrics = OperatorMetrics()
        clock: Callable[[], float] = lambda: 0.0  # noqa: E731
        self.watches = Watches(
            client,
            self.caches,
            namespaces=namespaces,
            events=cast("WatchEvents", type("Events", (), dict.fromkeys(
                ("on_execution", "on_job", "on_pod")))),
            judge=self.judge,
            trigger_judge=TriggerJudge(client, workflows, self.caches.triggers),
            definitions=DefinitionReconciler(
                client,
                clock,
                {WORKFLOWS: workflows, INCIDENTS: self.caches.incidents},
                {},
                lambda *_: None,
            ),
            triggers=cast("Triggers", None),
            operator_metrics=self.metrics,
            monotonic=clock,
            follow=cast("Any", None),
        )  # fmt: skip

    def seen(self, raw: Raw) -> None:
        """The Workflow was listed, and judged."""
        self.caches.workflows.put(raw)
        self.judge.status(raw, 0.0)


async def test_the_ends_of_a_listed_workflow_are_counted_from_zero(
    server: ApiServer, client: ApiClient
) -> None:
    operator = Operator(client)
    workflow = await server.put("workflows", "a", "new", spec=SPEC)
    operator.watches._on_definition(WORKFLOWS, None, workflow)
    assert samples(operator.metrics, "executions_finished_total")["a", "Failed", "new"] == 0
    operator.watches._on_definition(WORKFLOWS, "DELETED", workflow)
    assert samples(operator.metrics, "executions_finished_total") == {}


@pytest.mark.parametrize("namespaces", [(), ("a", "b")])
async def test_what_is_gone_is_dropped_with_its_verdict_though_nothing_reported_it(
    server: ApiServer, client: ApiClient, namespaces: tuple[str, ...]
) -> None:
    operator = Operator(client, namespaces)
    for namespace, name in (("a", "stays"), ("a", "goes"), ("b", "goes")):
        operator.seen(await server.put("workflows", namespace, name, spec=SPEC))
    incident = await server.put("incidents", "a", "i", spec={})
    operator.caches.incidents.put(incident)
    operator.metrics.execution_ended("b", "goes", "Succeeded")
    await operator.watches.drop_missing()
    assert len(operator.caches.workflows) == len(operator.judge) == 3
    for namespace in ("a", "b"):
        await server.remove("workflows", namespace, "goes")
    await server.remove("incidents", "a", "i")
    await operator.watches.drop_missing()
    assert operator.caches.workflows.known() == [("a", "stays")]
    assert len(operator.judge) == 1
    assert len(operator.caches.incidents) == 0
    assert b'workflow="goes"' not in operator.metrics.text()


async def test_another_of_the_same_name_is_not_dropped_for_the_one_before(
    server: ApiServer, client: ApiClient
) -> None:
    operator = Operator(client)
    operator.seen(await server.put("workflows", "a", "x", metadata={"uid": "old"}, spec=SPEC))
    await server.put("workflows", "a", "x", metadata={"uid": "new"}, spec=SPEC)

    async def meanwhile(*of: Any, **options: Any) -> Any:
        """The new one is reported while the list is under way."""
        operator.seen(server.objects["workflows", "a", "x"])
        return await lists(*of, **options)

    lists = client.list
    client.list = meanwhile  # type: ignore[method-assign]
    await operator.watches.drop_missing()
    (kept,) = operator.caches.workflows
    assert kept["metadata"]["uid"] == "new"


async def test_where_there_is_nothing_nothing_is_listed(
    server: ApiServer, client: ApiClient
) -> None:
    await Operator(client).watches.drop_missing()
    assert server.requests == []
