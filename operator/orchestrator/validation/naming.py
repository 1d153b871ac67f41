"""The name of a Workflow, from which the names of all its objects are derived."""

from __future__ import annotations

import re

from orchestrator.models.base import DNS_LABEL_PATTERN
from orchestrator.validation.problem import Problem
from orchestrator.validation.suggestions.proposals import object_name

MAX_LENGTH = 63
"""Maximum length of a Workflow's name, which is a label value of all its objects."""


def workflow_name(name: str) -> list[Problem]:
    """The problem of a Workflow's name, which must be an RFC 1123 label."""
    if len(name) <= MAX_LENGTH and re.fullmatch(DNS_LABEL_PATTERN, name):
        return []
    near = object_name(name[:MAX_LENGTH])
    hint = f"; write {near!r}" if near else ""
    rule = "a Workflow's name consists of at most 63 lower-case letters, digits and -, without dots"
    return [Problem("metadata.name", f"{rule}{hint}")]
