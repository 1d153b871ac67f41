"""The trigger types, one a file, listed in `orchestrator.triggers.registry`."""
