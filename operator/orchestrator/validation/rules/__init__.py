"""Validation rules: pure functions from the subject to its problems, listed in `registry.py`."""
