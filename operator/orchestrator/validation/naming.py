"""The name of a Workflow, from which the names of everything it makes are derived."""

from __future__ import annotations

import re

from orchestrator.models.base import DNS_LABEL_PATTERN
from orchestrator.validation.familiar.proposals import object_name
from orchestrator.validation.problem import Problem

LONGEST = 63
"""Characters of a Workflow's name: it is a label value of all that it makes."""


def workflow_name(name: str) -> list[Problem]:
    """What is wrong with the name of a Workflow: it is a label of RFC 1123, so it has no dots."""
    if len(name) <= LONGEST and re.fullmatch(DNS_LABEL_PATTERN, name):
        return []
    near = object_name(name[:LONGEST])
    hint = f"; write {near!r}" if near else ""
    rule = "a Workflow's name is small letters, digits and -, at most 63 of them, without dots"
    return [Problem("metadata.name", f"{rule}{hint}")]
