"""The commands: function `command` in the file with the command's name, listed in `registry.py`."""
