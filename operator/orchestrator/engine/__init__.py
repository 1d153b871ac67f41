"""Decides: (workflow, execution, observed, now) → decisions. No clock, no I/O."""
