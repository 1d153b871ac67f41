"""Runs the migrations in the transaction of its caller; alembic loads this file."""

from __future__ import annotations

from alembic import context

from orchestrator.history.tables import METADATA


def run() -> None:
    """Run what alembic was asked for."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


run()
