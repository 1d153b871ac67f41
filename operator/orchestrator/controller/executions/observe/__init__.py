"""Observes Jobs, pods and sub-executions."""
