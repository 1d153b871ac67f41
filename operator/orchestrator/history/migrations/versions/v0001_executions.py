"""The first schema: executions, their documents, labels and revisions, and the sums of each day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = ("horizon", "node_days", "days", "revisions", "labels", "documents", "executions")


def upgrade() -> None:
    """Create all tables, and where it is possible the index for searches."""
    op.create_table(
        "executions",
        sa.Column("uid", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in (
            "namespace", "name", "workflow", "phase", "reason", "trigger", "trigger_type",
            "requester", "parent", "revision",
        )),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger()),
        sa.Column("search", sa.Text(), nullable=False),
    )  # fmt: skip
    for name, *columns in (
        ("executions_finished", "finished_at", "uid"),
        ("executions_namespace", "namespace", "finished_at", "uid"),
        ("executions_workflow", "workflow", "namespace", "finished_at", "uid"),
        ("executions_phase", "phase", "finished_at", "uid"),
        ("executions_trigger", "trigger", "finished_at", "uid"),
        ("executions_requester", "requester", "finished_at", "uid"),
        ("executions_name", "name", "namespace", "finished_at"),
        ("executions_revision", "namespace", "revision"),
        ("executions_duration", "duration", "finished_at", "namespace", "workflow", "phase"),
    ):
        op.create_index(name, "executions", columns)
    _create_details()
    _create_sums()
    _create_search()


def _create_details() -> None:
    owner = sa.ForeignKey("executions.uid", ondelete="CASCADE")
    op.create_table(
        "documents",
        sa.Column("uid", sa.Text(), owner, primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "labels",
        sa.Column(
            "uid", sa.Text(), sa.ForeignKey("executions.uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uid", "key"),
    )
    op.create_index("labels_value", "labels", ["key", "value", "finished_at", "uid"])
    op.create_table(
        "revisions",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name"),
    )


def _create_sums() -> None:
    op.create_table(
        "days",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("forbidden", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "namespace", "workflow", "phase", "bucket"),
    )
    op.create_table(
        "node_days",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "namespace", "workflow", "phase", "node", "approval"),
    )
    op.create_table(
        "horizon",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
    )


def _create_search() -> None:
    """An index of trigrams, if PostgreSQL has the extension and lets this user create it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        """
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE INDEX executions_search ON executions USING gin (search gin_trgm_ops);
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object
            OR feature_not_supported THEN
            RAISE NOTICE 'searches for a text read all executions: %', SQLERRM;
        END $$
        """
    )


def downgrade() -> None:
    """Remove all tables."""
    for table in _TABLES:
        op.drop_table(table)
