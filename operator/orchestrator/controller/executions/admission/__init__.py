"""Admission of executions, not the admission webhook: revision, trust, and slot before an execution
runs."""
