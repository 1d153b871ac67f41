"""From an event to its execution and the Trigger's status, for the operator and the receiver."""
