"""A workload that gives every metric a value."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from tests.api_process import ApiUser, token_of
from tests.cluster.twelve_node_workflow import TASK, task
from tests.commandline import CommandLine
from tests.kube import Kubectl, eventually, execution, trigger, workflow
from tests.planted import planted
from tests.prometheus import Prometheus
from tests.receiver_process import Sender

QUICK = [{"name": "only", "transform": {"x": "1"}}]
HOOK_TOKEN = planted("hook")
ASK = {"name": "ask", "approval": {"approvers": ["group:sre"]}}
EVENTS = "itechsmart_workflow_trigger_events_total"
REQUESTS = "itechsmart_workflow_receiver_requests_total"
API_REQUESTS = "itechsmart_workflow_rest_api_requests_total"


def run_workflows(shop: Kubectl, full: Kubectl, prometheus: Prometheus) -> None:
    """Start executions that succeed, fail, or wait for an approval, a slot, a node or a quota, and
    create triggers that fire, drop events, and fail."""
    source = {"execution": {"workflow": "good", "phases": ["Succeeded"]}}
    shop.apply(
        TASK,
        workflow("good", nodes=[task("a"), task("b")], edges=[{"from": "a", "to": "b"}]),
        workflow("bad", nodes=[task("a", code="64")]),
        workflow("asks", nodes=[ASK], concurrency={"limit": 1}),
        workflow("nowhere", nodes=[task("a")], pod={"nodeSelector": {"no-such": "node"}}),
        workflow("next", nodes=QUICK),
        trigger("fires", "next", **source),
        trigger(
            "drops", "next", **source, rateLimit={"limit": 1, "period": "1h", "policy": "Drop"}
        ),
        trigger("fails", "next", **source, filter="event.outputs.none == 1"),
    )
    quota = {"spec": {"hard": {"count/jobs.batch": "0"}}}
    metadata = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    full.apply(TASK, workflow("good", nodes=[task("a")]), metadata | quota)
    for name in ("fires", "drops", "fails"):
        eventually(lambda name=name: shop.get("awft", name).get("status", {}).get("conditions"))  # type: ignore[misc]
    # Prometheus sees an increase only of a counter that it has seen before.
    for name, outcome in (("fires", "started"), ("drops", "limited"), ("fails", "failed")):
        series = f'{EVENTS}{{namespace="{shop.namespace}",trigger="{name}",outcome="{outcome}"}}'
        eventually(partial(prometheus.query, series))
    full.create(execution("good", "held"))
    for name in ("nowhere", "bad"):
        shop.create(execution(name, name))
    for number in range(3):
        shop.create(execution("good", f"good-{number}"))
    for number in range(2):
        shop.create(execution("asks", f"asks-{number}"))


def send_events(shop: Kubectl, send: Sender, prometheus: Prometheus) -> None:
    """Send an event that starts an execution, one with a wrong token and one without a Trigger, and
    create a Trigger whose mailbox cannot be read."""
    bearer = {"bearer": {"secrets": [{"name": "hooks", "key": "token"}]}}
    inbox = {"host": "127.0.0.1", "credentials": {"name": "none"}}
    shop("create", "secret", "generic", "hooks", f"--from-literal=token={HOOK_TOKEN}")
    shop.apply(trigger("hook", "next", webhook=bearer), trigger("inbox", "next", email=inbox))
    granted = CommandLine(shop.kubeconfig, shop.namespace)("trigger", "grant", "hook")
    assert granted.returncode == 0, granted.stderr
    shop("apply", "-f", "-", stdin=granted.stdout)
    where = f'namespace="{shop.namespace}",trigger="hook"'
    eventually(partial(prometheus.query, f'{REQUESTS}{{{where},code="401"}}'))
    path = f"{shop.namespace}/hook"
    authorized = {"Authorization": f"Bearer {HOOK_TOKEN}", "Content-Type": "application/json"}
    eventually(lambda: send(path, b"{}", authorized).status == 202)
    assert send(path, b"{}", {**authorized, "Authorization": "Bearer wrong"}).status == 401
    assert send(f"{shop.namespace}/none", b"{}", authorized).status == 401


def send_api_requests(shop: Kubectl, log: Path) -> None:
    """Send requests to the REST API that succeed, are refused, and fail without the history."""
    found = eventually(lambda: re.search(r"served at port (\d+)", log.read_text()), within=180)
    anyone = ApiUser(int(found[1]))
    caller = anyone.within(token_of(shop, "caller", "cluster-admin"))
    where = f"?namespace={shop.namespace}"
    eventually(lambda: caller("GET", f"/workflows/good{where}").status == 200)
    assert anyone("GET", f"/executions{where}").status == 401
    assert caller("GET", f"/executions/none{where}").status == 503
