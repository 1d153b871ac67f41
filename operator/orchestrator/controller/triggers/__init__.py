"""Runs triggers: what they start is an execution, created once."""
