"""The fields that contain a duration or an expression, and examples of required fields."""

from __future__ import annotations

from orchestrator.models.messages import NODES_EXAMPLE

DURATIONS = frozenset(
    {
        ("WorkflowSpec", "timeout"),
        ("WorkflowSpec", "finallyTimeout"),
        ("Defaults", "timeout"),
        ("Defaults", "startTimeout"),
        ("Node", "delay"),
        ("Node", "timeout"),
        ("Node", "startTimeout"),
        ("ForEach", "timeout"),
        ("Repeat", "delay"),
        ("Backoff", "initial"),
        ("Backoff", "max"),
        ("History", "keepJobs"),
        ("Dedupe", "window"),
        ("RateLimit", "period"),
        ("TriggerSpec", "cooldown"),
        ("ReportedEvents", "window"),
        ("Schedule", "jitter"),
        ("Schedule", "startDeadline"),
        ("Email", "pollInterval"),
        ("FileWatch", "pollInterval"),
        ("Action", "terminationGracePeriod"),
        ("Hmac", "window"),
    }
)
"""Fields that contain a duration, by model."""
EXPRESSIONS = frozenset(
    {
        ("Node", "condition"),
        ("Node", "when"),
        ("Edge", "when"),
        ("Wait", "until"),
        ("Repeat", "until"),
        ("ForEach", "values"),
        ("Output", "value"),
        ("Concurrency", "key"),
        ("TriggerSpec", "filter"),
        ("TriggerSpec", "payload"),
        ("Dedupe", "key"),
    }
)
"""Fields that contain a bare expression, by model."""
EXAMPLES = {
    ("WorkflowSpec", "nodes"): NODES_EXAMPLE,
    ("Variable", "type"): "one of string, integer, number, boolean, list, object, secret",
    ("Parameter", "type"): "one of string, integer, number, boolean, list, object, secret",
    ("TemplateOutput", "type"): "one of string, integer, number, boolean, list, object",
    ("Edge", "from"): "write the name of the node that the edge leads from",
    ("Edge", "to"): "write the name of the node that the edge leads to",
    ("ForEach", "values"): "write the list, such as `values: vars.hosts`",
    ("ForEach", "as"): "write the name by which expressions read the item, such as `as: item`",
    ("Retry", "limit"): "write the number of extra attempts, such as `limit: 3`",
    ("Repeat", "until"): "write the expression that ends the repetition, such as"
    " `until: nodes.NODE.outputs.NAME == 'done'`",
    ("Repeat", "limit"): "write the maximum number of runs, such as `limit: 10`",
    ("Approval", "approvers"): "write who may decide, such as `approvers: ['group:NAME']`",
    ("SubWorkflow", "name"): "write the name of the workflow to run",
    ("SecretKeyRef", "name"): "write the name of the Secret",
    ("SecretKeyRef", "key"): "write the key in the Secret's data",
    ("Output", "value"): "write an expression, such as `value: nodes.NODE.outputs.NAME`",
    ("TriggerSpec", "workflow"): "write the name of the Workflow to start",
    ("Schedule", "cron"): "write a cron expression, such as `cron: '30 3 * * 1-5'`",
    ("Dedupe", "key"): "write an expression over event, such as `key: event.name`",
    ("Dedupe", "window"): "write a duration, such as `window: 10m`",
    ("RateLimit", "limit"): "write the number of executions, such as `limit: 10`",
    ("RateLimit", "period"): "write a duration, such as `period: 1h`",
    ("Script", "source"): "write the text of the script",
    ("Volume", "mountPath"): "write the path in the container, such as `mountPath: /data`",
}
"""Instructions for required fields, by model and field."""
