"""The commands. A new one is a file in this folder, with a function `command`, and a line below.

What a command asks of the API server is built and checked in `orchestrator.operations`.
"""

from __future__ import annotations

COMMANDS = {
    "apply": "Check manifests and apply them: all of them, or none.",
    "lint": "Check manifests and change nothing.",
    "new": "Make a Workflow of a Template.",
    "run": "Start a workflow.",
    "list": "List executions, the newest first.",
    "get": "Show objects.",
    "watch": "Follow executions to their end.",
    "wait": "Wait until executions have ended.",
    "logs": "Show what the pods of an execution wrote.",
    "explain": "Explain why an execution, or one of its nodes, is in its state.",
    "pause": "Start nothing new; running nodes go on.",
    "resume": "Continue a paused execution.",
    "cancel": "Cancel an execution: its pods are stopped gracefully, and their logs are kept.",
    "terminate": "End an execution by force, without its final nodes.",
    "delete": "Delete executions with their Jobs, pods and logs.",
    "rerun": "Run an ended execution again, from the nodes that failed or from those named.",
    "approve": "Approve what an execution waits for.",
    "reject": "Reject what an execution waits for: the approval fails.",
    "signal": "Send a signal to an execution.",
    "trigger": "Run, suspend and resume Triggers, and show when they fire next.",
    "graph": "Draw the graph of a Workflow or of an execution.",
    "crds": "Print the custom resources, for `kubectl apply --server-side -f -`.",
    "completion": "Print the completion script of a shell.",
    "operator": "Run the operator until it is stopped.",
    "action": "Run a shipped action, as the Job of a node does.",
    "version": "Print the version.",
}
"""Each command with what it does, in the order in which `--help` lists them."""
