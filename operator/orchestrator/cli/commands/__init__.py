"""The commands: `command` in the file of its name, listed in `registry.py`."""
