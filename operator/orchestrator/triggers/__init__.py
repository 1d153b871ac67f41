"""Triggers: from observed events to the executions that they start.

Each type is one file in `types/` and one line in `registry.py`. A type is a value: its settings,
the schema of its event, and pure functions from observations of its source to events with an
identity and a time. `plan.py` turns an event into the execution to create, whose name is a hash of
that identity.
"""
