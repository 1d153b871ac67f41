"""The tables of the history, for SQLite and PostgreSQL alike.

Times are whole milliseconds since the epoch and durations whole milliseconds, as a status has them:
sums of whole numbers stay exact, whatever is added and subtracted. The migrations create the
tables; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

METADATA = MetaData()

EXECUTIONS = Table(
    "executions",
    METADATA,
    Column("uid", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("trigger_type", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger, nullable=False),
    Column("duration", BigInteger),
    Column("search", Text, nullable=False),
    Index("executions_finished", "finished_at", "uid"),
    Index("executions_namespace", "namespace", "finished_at", "uid"),
    Index("executions_workflow", "workflow", "namespace", "finished_at", "uid"),
    Index("executions_phase", "phase", "finished_at", "uid"),
    Index("executions_trigger", "trigger", "finished_at", "uid"),
    Index("executions_requester", "requester", "finished_at", "uid"),
    Index("executions_created", "created_at", "uid"),
    Index("executions_created_namespace", "namespace", "created_at", "uid"),
    Index("executions_created_workflow", "workflow", "namespace", "created_at", "uid"),
    Index("executions_name", "name", "namespace", "finished_at"),
    Index("executions_revision", "namespace", "revision"),
    Index("executions_duration", "duration", "finished_at", "namespace", "workflow", "phase"),
)
"""What is filtered, sorted and counted of each execution. `parent` is the uid of the parent of a
sub-execution; texts are empty where there is nothing."""

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("uid", Text, ForeignKey("executions.uid", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""Each execution in full, as compressed JSON. Apart from EXECUTIONS, whose rows stay small: lists
and figures read many of them, and no document."""

LABELS = Table(
    "labels",
    METADATA,
    Column("uid", Text, ForeignKey("executions.uid", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("uid", "key"),
    Index("labels_value", "key", "value", "finished_at", "uid"),
)
"""The labels of each execution, with the end of the execution: a list by label is read in order."""

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "name"),
)
"""The frozen workflows that recorded executions ran, as compressed JSON."""

DAYS = Table(
    "days",
    METADATA,
    Column("day", Integer, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("forbidden", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "namespace", "workflow", "phase", "bucket"),
)
"""Sums of executions by the day (UTC, since the epoch) of their end, and by the bucket of their
duration. Always those of EXECUTIONS: both change in one transaction."""

NODE_DAYS = Table(
    "node_days",
    METADATA,
    Column("day", Integer, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("approval", Integer, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "namespace", "workflow", "phase", "node", "approval"),
)
"""The same sums of nodes; `phase` is that of the execution. `approval` is 1 for a node that waits
for people."""

HORIZON = Table(
    "horizon",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("finished_at", BigInteger, nullable=False),
)
"""One row, with the latest end of an execution that was removed by retention: what is still in the
cluster of that time is not recorded again."""

LOGS = Table(
    "logs",
    METADATA,
    Column("pod_uid", Text, primary_key=True),
    Column("execution_uid", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("pod", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("item", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("omitted_lines", BigInteger, nullable=False),
    Column("omitted_size", BigInteger, nullable=False),
    Column("position", Text, nullable=False),
    Column("expired", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("logs_execution", "execution_uid", "node", "created_at"),
    Index("logs_ended", "ended_at"),
    Index("logs_expired", "expired"),
)
"""The log of each pod. Stored before its execution has ended, so no row of EXECUTIONS need exist.
`created_at` of the pod and `ended_at`, when its log was complete or given up, are in milliseconds.
`position` is how far it is stored. `expired` is 1 once it is to be removed. `version` rises with
each write: of two recorders only one can go on from what is stored."""

LOG_CHUNKS = Table(
    "log_chunks",
    METADATA,
    Column("pod_uid", Text, ForeignKey("logs.pod_uid", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body", LargeBinary),
    Column("object", Text),
    PrimaryKeyConstraint("pod_uid", "number"),
)
"""The chunks of each log, compressed; `size` is that of the text. Without a body the chunk is in a
bucket, in the object of this name."""
