"""Triggers: from what happened to the executions it starts. One file a type.

A type is a pure function from a trigger, what happened and the moment to events with an identity;
`starting` turns events into executions whose names are hashes of that identity.
"""
