"""How another service recognises what an action has written, and people who wrote it."""

from __future__ import annotations

import hashlib

from orchestrator.actions.action import Context


def reference(context: Context, name: str = "") -> str:
    """A word that is the same in every attempt of the work, or for every use of a name."""
    return "itw" + hashlib.sha256((name or context.identity.key).encode()).hexdigest()[:16]


def signature(context: Context) -> str:
    """The namespace, workflow, execution and node of the attempt."""
    identity = context.identity
    parts = (identity.namespace, identity.workflow, identity.execution, identity.node)
    return "/".join(part for part in parts if part)
