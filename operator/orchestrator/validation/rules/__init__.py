"""The rules, each a pure function from the subject to its problems, listed in `registry.py`."""
