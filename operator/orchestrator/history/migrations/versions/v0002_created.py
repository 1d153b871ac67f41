"""Lists by the time of creation are read in the order of an index."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = (
    ("executions_created", "created_at", "uid"),
    ("executions_created_namespace", "namespace", "created_at", "uid"),
    ("executions_created_workflow", "workflow", "namespace", "created_at", "uid"),
)


def upgrade() -> None:
    """Create the indexes."""
    for name, *columns in _INDEXES:
        op.create_index(name, "executions", columns)


def downgrade() -> None:
    """Remove the indexes."""
    for name, *_ in _INDEXES:
        op.drop_index(name, "executions")
