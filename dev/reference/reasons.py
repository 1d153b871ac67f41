"""The page of reasons, made from `orchestrator.models.reasons`."""

from __future__ import annotations

from dev.reference.markdown import code, page, section, table
from orchestrator.models.reasons import EventReason, Reason, Subject

_SECTIONS = {
    Subject.NODE: (
        "Nodes",
        "In `status.nodes.NAME.reason` of a WorkflowExecution, beside phase and message.",
    ),
    Subject.EXECUTION: (
        "Executions",
        "In `status.reason` of a WorkflowExecution and in its conditions Ready, Reconciling, "
        "Stalled and Finished.",
    ),
    Subject.DEFINITION: (
        "Workflows, Templates, Triggers and Incidents",
        "In their conditions Ready, Reconciling and Stalled.",
    ),
}


def reasons() -> str:
    """Every reason with its meaning and what to do."""
    sections = [_statuses(subject, *words) for subject, words in _SECTIONS.items()]
    return page(
        "Reasons",
        "Every phase and condition carries a reason: one word for programs, beside a message for "
        "people. `orchestrator explain EXECUTION NODE` puts both into sentences. The name of a "
        "reason does not change; messages may.",
        *sections,
        _events(),
    )


def _statuses(subject: Subject, title: str, words: str) -> str:
    rows = [
        (code(reason.value), reason.meaning, reason.remedy)
        for reason in Reason
        if subject in reason.subjects
    ]
    return section(title, words, table(("Reason", "Meaning", "What to do"), rows))


def _events() -> str:
    rows = [
        (
            code(reason.value),
            "Warning" if reason.warning else "Normal",
            reason.meaning,
            reason.remedy,
        )
        for reason in EventReason
    ]
    return section(
        "Kubernetes Events",
        "Events report transitions, on the object that they concern. "
        "They are written in the background and are the first thing to be dropped under load: the "
        "status is the record.",
        table(("Reason", "Type", "Meaning", "What to do"), rows),
    )
