"""Triggers: from what was observed to the executions that it starts.

One file a type, and one line in `registry.py`. A type is a value: its settings, the schema of its
event, and pure functions from what its source observed to events with an identity and a moment.
`dispatch.py` turns an event into the execution to create, whose name is a hash of that identity.
"""
