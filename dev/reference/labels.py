"""The page of labels and annotations, made from `orchestrator.models.labels`."""

from __future__ import annotations

from dev.reference.declared import documented
from dev.reference.markdown import code, page, sentence, table
from orchestrator.models import labels as module
from orchestrator.models.labels import ALLOW_WORKFLOWS

_VALUES = {module.MANAGER}


def labels() -> str:
    """Every label and annotation with what carries it."""
    rows = []
    for _, name, words in documented(module):
        if name in _VALUES:
            continue
        kind, _, meaning = words.partition(": ")
        what, _, carrier = kind.partition(" of ")
        rows.append((code(str(name)), what, carrier or "what the operator makes", _first(meaning)))
    return page(
        "Labels and annotations",
        "What the operator sets or reads on objects. A pod and a Job carry as few as possible, "
        "since the API server pays for each of them.",
        table(("Name", "Kind", "On", "Meaning"), rows),
        f"An action uses a service account only if its owner allows it: `kubectl label "
        f"serviceaccount NAME {ALLOW_WORKFLOWS}=true`. Without the label the node fails with the "
        "reason `ServiceAccountNotAllowed`.",
    )


def _first(words: str) -> str:
    return sentence(words[:1].upper() + words[1:])
