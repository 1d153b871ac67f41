"""Adds the names of created Jobs and sub-executions to the records before they are stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.engine.decisions import ControlChild, CreateChild, Creation, Pass
from orchestrator.engine.status.records import Record
from orchestrator.models.reasons import Reason


def with_created(decided: Pass, name_of: Callable[[Creation], str | None]) -> dict[str, Record]:
    """The changes of a pass with the names of the Jobs and sub-executions created `before`.

    `name_of` returns the name of what was created, or None if nothing was. Sub-executions of a
    fan-out are named after their items, not in its record.
    """
    changes = dict(decided.records)
    for job in decided.before:
        if isinstance(job, ControlChild) or (
            isinstance(job, CreateChild) and job.index is not None
        ):
            continue
        record = changes.get(job.node)
        if record is None or record.phase.terminal or (name := name_of(job)) is None:
            continue
        if isinstance(job, CreateChild):
            record = replace(record, execution=name, reason=Reason.SUB_WORKFLOW_CREATED)
        else:
            record = replace(record, job=name, reason=Reason.JOB_CREATED)
        changes[job.node] = record
    return changes
