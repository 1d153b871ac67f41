"""Validation of manifests before a run: pure rules with messages for the author."""
