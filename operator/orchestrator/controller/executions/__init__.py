"""The reconciliation of one execution, from its admission to its end, and the state kept for it."""
