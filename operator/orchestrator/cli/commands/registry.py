"""The list of commands. To add one, create a file in this folder with a function `command`, or, for
a group of commands, a Typer `app`; then add a line below.

`orchestrator.operations` builds and checks what a command asks of the API server.
"""

from __future__ import annotations

COMMANDS = {
    "apply": "Check manifests and apply them: all of them, or none.",
    "lint": "Check manifests and change nothing.",
    "new": "Create a Workflow from a Template.",
    "run": "Start a workflow.",
    "list": "List executions, the newest first.",
    "get": "Show objects.",
    "watch": "Follow executions until they end.",
    "wait": "Wait until executions have ended.",
    "logs": "Show the logs of an execution's pods.",
    "explain": "Explain why an execution or one of its nodes is in its current state.",
    "pause": "Pause an execution: nothing new starts, and running nodes continue.",
    "resume": "Resume a paused execution.",
    "cancel": "Cancel an execution: its pods are stopped gracefully, and their logs are kept.",
    "terminate": "Terminate an execution by force, without running its `finally` nodes.",
    "delete": "Delete executions with their Jobs, pods and logs.",
    "rerun": "Run an ended execution again, from its failed nodes or from named nodes.",
    "approve": "Approve a pending approval of an execution.",
    "reject": "Reject a pending approval of an execution: its node fails.",
    "signal": "Send a signal to an execution.",
    "trigger": "Run, test, suspend and backfill Triggers, and send requests to them.",
    "grant": "Print the service account, roles and bindings that actions need.",
    "graph": "Draw the graph of a Workflow or of an execution.",
    "restore": "Restore objects from a backup; no execution of it runs again.",
    "crds": "Print the custom resource definitions, for `kubectl apply --server-side -f -`.",
    "completion": "Print the completion script for a shell.",
    "operator": "Run the operator until it is stopped.",
    "receiver": "Run the receiver of webhooks and other events until it is stopped.",
    "api": "Serve the REST API until it is stopped.",
    "recorder": "Record ended executions in the history until it is stopped.",
    "action": "Run a shipped action, as the Job of a node does.",
    "version": "Print the version.",
}
"""The commands with their descriptions, in the order in which `--help` lists them."""
OF_OTHERS = {
    "describe": "explain",
    "status": "explain",
    "why": "explain",
    "start": "run",
    "submit": "run",
    "ls": "list",
    "ps": "list",
    "retry": "rerun",
    "resubmit": "rerun",
    "stop": "cancel",
    "abort": "cancel",
    "kill": "terminate",
    "suspend": "pause",
    "unpause": "resume",
    "validate": "lint",
    "check": "lint",
    "rm": "delete",
}
"""Commands of kubectl, argo, tkn and gh, and what they are called here."""
NEED_CLUSTER = {
    "restore": "it writes statuses in the name of the operator",
    "operator": "it watches and writes what no user may",
    "receiver": "it watches Triggers and creates executions with rights of its own",
    "api": "it is what --server names",
    "recorder": "it watches executions and marks those that it has recorded",
}
"""The commands that do not work with `--server`, with the reasons."""
NEED_NOTHING = ("crds", "completion", "action", "version")
"""The commands that use no cluster."""
