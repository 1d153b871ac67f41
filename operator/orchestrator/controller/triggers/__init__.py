"""Runs triggers: each event creates at most one execution."""
