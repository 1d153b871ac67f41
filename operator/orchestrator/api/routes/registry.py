"""The routers of the API."""

from __future__ import annotations

from fastapi import APIRouter

from orchestrator.api.routes import (
    execution_streams,
    executions,
    figures,
    graph,
    login,
    me,
    probes,
    templates,
    triggers,
    types,
    workflow_details,
    workflows,
)

ROUTERS: tuple[APIRouter, ...] = (
    workflows.router,
    workflow_details.router,
    graph.router,
    executions.router,
    execution_streams.router,
    triggers.router,
    templates.router,
    types.router,
    figures.router,
    login.router,
    me.router,
    probes.router,
)
"""In the order in which the reference lists them."""
