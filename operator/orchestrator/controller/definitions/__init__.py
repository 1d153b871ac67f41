"""Computes the status of Workflows, Templates, Triggers and Incidents when they change."""
