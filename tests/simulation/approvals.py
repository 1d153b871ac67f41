"""Runs that wait for an approval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.builders import action, chain, graph
from tests.simulation.scripts import scripted
from tests.simulation.world import World


def asked(**fields: Any) -> World:
    """An approval of two people of the sre group or by ana, and an action behind it."""
    timeout = {"timeout": fields.pop("timeout")} if "timeout" in fields else {}
    approval = {"approvers": ["group:sre", "user:ana"], **fields}
    compiled = graph(
        {"name": "ask", "approval": approval, **timeout}, action("go"), edges=chain("ask", "go")
    )
    return World(compiled, scripted())


def by(world: World, requester: str | None) -> World:
    world.run = replace(world.run, requester=requester)
    return world
