"""Logs of pods, in chunks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "logs",
        sa.Column("pod_uid", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in (
            "execution_uid", "namespace", "pod", "node",
        )),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in (
            "omitted_lines", "omitted_size",
        )),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("expired", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )  # fmt: skip
    op.create_index("logs_execution", "logs", ["execution_uid", "node", "created_at"])
    op.create_index("logs_ended", "logs", ["ended_at"])
    op.create_index("logs_expired", "logs", ["expired"])
    op.create_table(
        "log_chunks",
        sa.Column(
            "pod_uid",
            sa.Text(),
            sa.ForeignKey("logs.pod_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("object", sa.Text()),
        sa.PrimaryKeyConstraint("pod_uid", "number"),
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("log_chunks")
    op.drop_table("logs")
