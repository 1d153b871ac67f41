"""The command line: `orchestrator`, also installed as `kubectl-automation`."""
