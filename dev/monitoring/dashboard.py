"""The Grafana dashboard: rows of panels for people on call, the most important first.

Grafana's JSON repeats itself in every panel, so the panels are declared here and expanded.
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UID = "itechsmart-workflow"
WIDTH = 24
"""Columns of Grafana's grid."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_M = "itechsmart_workflow_"
_IN = 'namespace=~"$namespace"'
_OF = f'{_IN}, workflow=~"$workflow"'
BLOCKED = (
    "ImagePull|Unschedulable|QuotaExceeded|ServiceAccountMissing|SecretMissing|InjectedContainer|"
    "ContainerCannotStart|PodRefused"
)
"""Reasons of nodes that cannot start until someone does something."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its queries by legend."""

    title: str
    description: str
    queries: dict[str, str]
    """PromQL by legend, in which Grafana fills in {{label}}."""
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    thresholds: tuple[tuple[str, float | None], ...] = ()
    """Of a stat: colours, each from a value on."""
    mappings: tuple[tuple[str, str], ...] = ()
    """Of a stat: words for values."""


def _stat(title: str, description: str, query: str, **more: Any) -> Panel:
    return Panel(title, description, {"": query}, kind="stat", width=4, height=4, **more)


def _quantiles(metric: str, by: str = "") -> dict[str, str]:
    """The median, the 95th and the 99th percentile of a histogram."""
    labels = f"{by}, le" if by else "le"
    suffix = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{percent}{suffix}": (
            f"histogram_quantile({percent / 100:g}, sum by ({labels}) (rate({_M}{metric}_bucket"
            "[$__rate_interval])))"
        )
        for percent in (50, 95, 99)
    }


_GOOD_BAD: tuple[tuple[str, float | None], ...] = (("green", None), ("red", 1))
_GOOD_WORSE: tuple[tuple[str, float | None], ...] = (("green", None), ("orange", 1))

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Overview",
        (
            _stat(
                "Leader",
                "Whether a replica of the operator is the leader. Without one, no workflow runs.",
                f"max({_M}leader)",
                thresholds=(("red", None), ("green", 1)),
                mappings=(("0", "none"), ("1", "yes")),
            ),
            _stat(
                "Running executions",
                "Executions that were admitted and have not ended.",
                f'sum({_M}executions{{{_IN}, phase=~"Running|Paused"}}) or vector(0)',
            ),
            _stat(
                "Not started",
                "Executions that are Pending or Queued.",
                f'sum({_M}executions{{{_IN}, phase=~"Pending|Queued"}}) or vector(0)',
                thresholds=_GOOD_WORSE,
            ),
            _stat(
                "Failed in an hour",
                "Executions that failed or timed out.",
                f"sum(increase({_M}executions_finished_total{{{_OF}, "
                'phase=~"Failed|TimedOut"}[1h])) or vector(0)',
                thresholds=_GOOD_WORSE,
            ),
            _stat(
                "Approvals waiting",
                "Nodes that wait for people: orchestrator get approvals -A.",
                f'sum({_M}nodes{{{_IN}, reason="AwaitingApproval"}}) or vector(0)',
                thresholds=_GOOD_WORSE,
            ),
            _stat(
                "Nodes that cannot start",
                "For want of an image, capacity, quota, Secret or service account.",
                f'sum({_M}nodes{{{_IN}, reason=~"{BLOCKED}"}}) or vector(0)',
                thresholds=_GOOD_BAD,
            ),
        ),
    ),
    (
        "Executions",
        (
            Panel(
                "Active executions",
                "By phase.",
                {"{{phase}}": f"sum by (phase) ({_M}executions{{{_IN}}})"},
                stacked=True,
            ),
            Panel(
                "Executions ended per minute",
                "By phase.",
                {
                    "{{phase}}": f"60 * sum by (phase) (rate({_M}executions_finished_total{{{_OF}}}"
                    "[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Execution duration",
                "From admission to the end, pauses and waits included.",
                {
                    f"p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le) (rate("
                    f"{_M}execution_duration_seconds_bucket{{{_OF}}}[$__rate_interval])))"
                    for percent in (50, 95)
                },
                unit="s",
            ),
            Panel(
                "Failed executions by workflow",
                "The ten workflows with most failed or timed out executions in the time shown.",
                {
                    "{{namespace}}/{{workflow}}": "topk(10, sum by (namespace, workflow) (increase("
                    f'{_M}executions_finished_total{{{_OF}, phase=~"Failed|TimedOut"}}[$__range]))'
                    " > 0)"
                },
                kind="table",
                width=12,
            ),
            Panel(
                "Oldest execution that has not started",
                "By namespace and reason.",
                {
                    "{{namespace}} {{reason}}": "time() - min by (namespace, reason) ("
                    f"{_M}oldest_execution_creation_timestamp_seconds{{{_IN}, "
                    'phase=~"Pending|Queued"})'
                },
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Nodes",
        (
            Panel(
                "Nodes ended per minute",
                "By phase.",
                {
                    "{{phase}}": f"60 * sum by (phase) (rate({_M}nodes_finished_total"
                    "[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Waiting nodes by reason",
                "Approvals, signals, conditions, delays, and what keeps pods from starting.",
                {"{{reason}}": f'sum by (reason) ({_M}nodes{{{_IN}, phase=~"Pending|Waiting"}})'},
                stacked=True,
            ),
            Panel(
                "Node transition time",
                "Time from observing the end of a pod to creating the next Job.",
                _quantiles("node_transition_duration_seconds"),
                unit="s",
            ),
            Panel(
                "Oldest node waiting for people",
                "The oldest node that waits for an approval or a signal.",
                {
                    "{{namespace}} {{reason}}": "time() - min by (namespace, reason) ("
                    f"{_M}oldest_node_start_timestamp_seconds{{{_IN}, "
                    'reason=~"AwaitingApproval|AwaitingSignal"})'
                },
                unit="s",
                width=12,
            ),
            Panel(
                "Oldest node that cannot start",
                "The oldest of each cause; a node fails after its startTimeout.",
                {
                    "{{namespace}} {{reason}}": "time() - min by (namespace, reason) ("
                    f'{_M}oldest_node_start_timestamp_seconds{{{_IN}, reason=~"{BLOCKED}"}})'
                },
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Triggers",
        (
            Panel(
                "Trigger events per minute",
                "By outcome: started, filtered, deduplicated, limited (dropped by the "
                "rate limit) or failed.",
                {
                    "{{outcome}}": f"60 * sum by (outcome) (rate({_M}trigger_events_total{{{_IN}}}"
                    "[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Triggers with failed or dropped events",
                "In the time shown, those of the receiver included.",
                {
                    "{{namespace}}/{{trigger}} {{outcome}}": "topk(10, sum by (namespace, trigger, "
                    f"outcome) (increase({_M}trigger_events_total{{{_IN}, "
                    'outcome=~"failed|limited"}[$__range]) or increase('
                    f"{_M}receiver_events_total{{{_IN}, "
                    'outcome=~"failed|limited"}[$__range])) > 0)'
                },
                kind="table",
            ),
            Panel(
                "Blocked by a quota",
                "Triggers whose execution a quota refuses, and nodes whose Job or pod it refuses.",
                {
                    "triggers in {{namespace}}": f"sum by (namespace) ({_M}triggers_quota_exceeded"
                    f"{{{_IN}}})",
                    "nodes in {{namespace}}": f"sum by (namespace) ({_M}nodes{{{_IN}, "
                    'reason="QuotaExceeded"})',
                },
            ),
        ),
    ),
    (
        "Receiver",
        (
            Panel(
                "Requests per minute",
                "Requests to the receiver by type of the Trigger and status code.",
                {
                    "{{type}} {{code}}": "60 * sum by (type, code) (rate("
                    f"{_M}receiver_requests_total[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Events from outside per minute",
                "By outcome: started, filtered, deduplicated, limited (dropped by the rate limit) "
                "or failed.",
                {
                    "{{outcome}}": "60 * sum by (outcome) (rate("
                    f"{_M}receiver_events_total{{{_IN}}}[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Request duration of the receiver",
                "From the headers to the answer, which is sent once the event is stored.",
                _quantiles("receiver_request_duration_seconds"),
                unit="s",
            ),
            Panel(
                "Triggers with rejected requests",
                "Requests that were not verified, in the time shown.",
                {
                    "{{namespace}}/{{trigger}}": "topk(10, sum by (namespace, trigger) (increase("
                    f'{_M}receiver_requests_total{{{_IN}, code="401", trigger!=""}}[$__range]))'
                    " > 0)"
                },
                kind="table",
            ),
            Panel(
                "Events not stored per minute",
                "Failed attempts by Trigger; the sender or the listener repeats them.",
                {
                    "{{namespace}}/{{trigger}}": "60 * sum by (namespace, trigger) (rate("
                    f"{_M}receiver_store_failures_total{{{_IN}}}[$__rate_interval]))"
                },
            ),
            Panel(
                "Sources that cannot be read",
                "Mailboxes, buckets and folders of Triggers.",
                {
                    "{{namespace}}/{{trigger}} {{type}}": "max by (namespace, trigger, type) ("
                    f"{_M}receiver_listener_connected{{{_IN}}}) == 0"
                },
                kind="table",
            ),
            Panel(
                "Active requests",
                "Requests in progress by replica; from 256 on, more are answered with 429.",
                {"{{instance}}": f"max by (instance) ({_M}receiver_active_requests)"},
                width=12,
            ),
            Panel(
                "API request duration of the receiver",
                "99th percentile by verb.",
                {
                    "{{verb}}": "histogram_quantile(0.99, sum by (verb, le) (rate("
                    f"{_M}receiver_api_request_duration_seconds_bucket[$__rate_interval])))"
                },
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Reconciliation",
        (
            Panel(
                "Workqueue depth",
                "Keys that wait.",
                {"{{name}}": f"sum by (name) ({_M}workqueue_depth)"},
            ),
            Panel(
                "Workqueue wait time",
                "99th percentile, and how long the key has waited that has waited longest.",
                {
                    "p99 {{name}}": "histogram_quantile(0.99, sum by (name, le) (rate("
                    f"{_M}workqueue_queue_duration_seconds_bucket[$__rate_interval])))",
                    "longest {{name}}": f"max by (name) ({_M}workqueue_longest_wait_seconds)",
                },
                unit="s",
            ),
            Panel(
                "Reconcile duration",
                "Of executions.",
                _quantiles("reconcile_duration_seconds"),
                unit="s",
            ),
            Panel(
                "Reconciliations per second",
                "Of executions.",
                {
                    "reconciliations": f"sum(rate({_M}reconcile_duration_seconds_count"
                    "[$__rate_interval]))"
                },
                unit="ops",
            ),
            Panel(
                "Reconcile errors per second",
                "By workqueue and reason. Conflicts are normal: another write came first.",
                {
                    "{{name}} {{reason}}": "sum by (name, reason) (rate("
                    f"{_M}reconcile_errors_total[$__rate_interval]))"
                },
                unit="ops",
            ),
            Panel(
                "Longest running reconciliation",
                "By workqueue.",
                {"{{name}}": f"max by (name) ({_M}workqueue_longest_running_processor_seconds)"},
                unit="s",
            ),
        ),
    ),
    (
        "API server",
        (
            Panel(
                "Requests per second",
                "By verb and resource.",
                {
                    "{{verb}} {{resource}}": f"sum by (verb, resource) (rate({_M}api_requests_total"
                    "[$__rate_interval]))"
                },
                unit="ops",
            ),
            Panel(
                "Failed requests per second",
                "By verb, resource and code; none means no answer. 404 and 409 are normal.",
                {
                    "{{verb}} {{resource}} {{code}}": "sum by (verb, resource, code) (rate("
                    f'{_M}api_requests_total{{code!="2xx"}}[$__rate_interval]))'
                },
                unit="ops",
            ),
            Panel(
                "Request duration",
                "99th percentile by verb.",
                {
                    "{{verb}}": "histogram_quantile(0.99, sum by (verb, le) (rate("
                    f"{_M}api_request_duration_seconds_bucket[$__rate_interval])))"
                },
                unit="s",
            ),
            Panel(
                "Time since the last watch event",
                "Time since each watch received anything; the API server sends a bookmark about "
                "every minute.",
                {"{{resource}}": f"max by (resource) ({_M}watch_silence_seconds)"},
                unit="s",
                width=12,
            ),
            Panel(
                "Watch failures per minute",
                "By resource; each is begun again.",
                {
                    "{{resource}}": f"60 * sum by (resource) (rate({_M}watch_failures_total"
                    "[$__rate_interval]))"
                },
                width=12,
            ),
        ),
    ),
    (
        "History",
        (
            Panel(
                "Executions recorded per minute",
                "By the recorder of the history, where it is installed.",
                {"": f"60 * sum(rate({_M}history_recorded_total[$__rate_interval]))"},
            ),
            Panel(
                "Delay of the history",
                "How long the ended execution that has waited longest waits to be recorded.",
                {"": f"max({_M}history_lag_seconds)"},
                unit="s",
            ),
            Panel(
                "Failures of the recorder per minute",
                "By what failed; they are repeated.",
                {
                    "{{what}}": f"60 * sum by (what) (rate({_M}history_failures_total"
                    "[$__rate_interval]))"
                },
            ),
        ),
    ),
    (
        "REST API",
        (
            Panel(
                "Requests of the REST API per minute",
                "By class of the status code, where it is installed; without probes.",
                {
                    "{{code}}": f"60 * sum by (code) (rate({_M}rest_api_requests_total"
                    "[$__rate_interval]))"
                },
                stacked=True,
            ),
            Panel(
                "Request duration of the REST API",
                "Time to the end of the answer; without streams.",
                _quantiles("rest_api_request_duration_seconds"),
                unit="s",
            ),
            Panel(
                "Slowest routes of the REST API",
                "The 95th percentile, by method and route.",
                {
                    "{{method}} {{route}}": "topk(5, histogram_quantile(0.95, sum by (method, "
                    f"route, le) (rate({_M}rest_api_request_duration_seconds_bucket"
                    "[$__rate_interval]))))"
                },
                unit="s",
            ),
            Panel(
                "Errors of the REST API by route",
                "Answers per minute with a status code of 500 or above.",
                {
                    "{{method}} {{route}}": "60 * sum by (method, route) (rate("
                    f'{_M}rest_api_requests_total{{code="5xx"}}[$__rate_interval]))'
                },
            ),
            Panel(
                "Requests that the REST API refused per minute",
                "By the limit that they exceeded.",
                {
                    "{{limit}}": f"60 * sum by (limit) (rate({_M}rest_api_requests_refused_total"
                    "[$__rate_interval]))"
                },
            ),
            Panel(
                "Answers without the history per minute",
                "Because its database could not be used.",
                {"": f"60 * sum(rate({_M}rest_api_history_unavailable_total[$__rate_interval]))"},
            ),
            Panel(
                "Open streams",
                "Events and logs that are followed through the REST API, by replica.",
                {"{{instance}}": f"sum by (instance) ({_M}rest_api_open_streams)"},
                width=12,
            ),
            Panel(
                "Uptime of the REST API",
                "By replica and version.",
                {
                    "{{instance}} {{version}}": "(time() - "
                    f"{_M}rest_api_process_start_time_seconds) * "
                    f"on (instance) group_left (version) {_M}rest_api_build_info"
                },
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Replicas",
        (
            Panel(
                "Leader",
                "1 for the replica that is the leader.",
                {"{{instance}}": f"max by (instance) ({_M}leader)"},
            ),
            Panel(
                "Lease renewal failures per minute",
                "After 7 seconds without a renewal the leader exits.",
                {
                    "{{instance}}": "60 * sum by (instance) (rate("
                    f"{_M}lease_renewal_failures_total[$__rate_interval]))"
                },
            ),
            Panel(
                "Event loop lag",
                "Up to a second is normal; at 120 seconds the operator counts as hung.",
                {"{{instance}}": f"max by (instance) ({_M}event_loop_lag_seconds)"},
                unit="s",
            ),
            Panel(
                "Memory",
                "Resident memory.",
                {
                    "{{instance}}": f"max by (instance) ({_M}process_resident_memory_bytes)",
                    "receiver {{instance}}": "max by (instance) ("
                    f"{_M}receiver_process_resident_memory_bytes)",
                    "REST API {{instance}}": "max by (instance) ("
                    f"{_M}rest_api_process_resident_memory_bytes)",
                },
                unit="bytes",
            ),
            Panel(
                "CPU",
                "Cores in use.",
                {
                    "{{instance}}": f"sum by (instance) (rate({_M}process_cpu_seconds_total"
                    "[$__rate_interval]))",
                    "receiver {{instance}}": "sum by (instance) (rate("
                    f"{_M}receiver_process_cpu_seconds_total[$__rate_interval]))",
                    "REST API {{instance}}": "sum by (instance) (rate("
                    f"{_M}rest_api_process_cpu_seconds_total[$__rate_interval]))",
                },
            ),
            Panel(
                "Kubernetes Events dropped per minute",
                "Events beyond the budget of five a second; the status is the record.",
                {
                    "{{instance}}": f"60 * sum by (instance) (rate({_M}events_dropped_total"
                    "[$__rate_interval]))"
                },
            ),
            Panel(
                "Uptime",
                "By replica and version.",
                {
                    "{{instance}} {{version}}": f"(time() - {_M}process_start_time_seconds) * "
                    f"on (instance) group_left (version) {_M}build_info"
                },
                unit="s",
                width=12,
            ),
            Panel(
                "Webhook certificate expires in",
                "Only where the admission webhook is served.",
                {
                    "": f"min({_M}webhook_certificate_expiry_timestamp_seconds) - time()",
                },
                unit="s",
                kind="stat",
                width=12,
                thresholds=(("red", None), ("orange", 86400), ("green", 7 * 86400)),
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "uid": UID,
        "title": "iTechSmart Workflow",
        "description": "Executions of workflows, and the operator that runs them.",
        "tags": ["itechsmart-workflow", "kubernetes"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "links": [],
        "panels": _panels(),
    }


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource"}
    return [
        {**source, "query": "prometheus", "current": {}, "hide": 0},
        _variable("namespace", f"label_values({_M}executions_finished_total, namespace)"),
        _variable(
            "workflow",
            f'label_values({_M}executions_finished_total{{namespace=~"$namespace"}}, workflow)',
        ),
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS:
        made.append(
            {
                "id": len(made) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in panels:
            if left + panel.width > WIDTH:
                left, top, height = 0, top + height, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            made.append({"id": len(made) + 1, "gridPos": place, **_panel(panel)})
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return made


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [
            _target(panel, chr(ord("A") + number), legend, query)
            for number, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, ref: str, legend: str, query: str) -> dict[str, Any]:
    at_once = panel.kind != "timeseries"
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": query,
        "legendFormat": legend or "__auto",
        "instant": at_once,
        "range": not at_once,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        found["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 25 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    if panel.kind == "stat":
        steps = panel.thresholds or (("blue", None),)
        found["thresholds"] = {
            "mode": "absolute",
            "steps": [{"color": colour, "value": value} for colour, value in steps],
        }
        found["mappings"] = [
            {"type": "value", "options": {value: {"text": text}}} for value, text in panel.mappings
        ]
        del found["min"]
    return found


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "stat":
            return {
                "colorMode": "value",
                "graphMode": "none",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            }
        case "table":
            return {"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]}
        case _:
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
