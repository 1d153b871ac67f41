"""Sub-executions: the children of an execution's nodes."""
