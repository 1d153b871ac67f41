"""Traces of executions: spans made from the status of an execution when it has ended."""
