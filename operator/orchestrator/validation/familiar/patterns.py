"""Invalid durations, names and quantities, and the nearest valid ones."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.expressions.errors import kind
from orchestrator.models.base import (
    DNS_LABEL_PATTERN,
    DNS_SUBDOMAIN_PATTERN,
    DURATION_PATTERN,
    IDENTIFIER_PATTERN,
)
from orchestrator.models.nearest import did_you_mean
from orchestrator.validation.familiar.proposals import (
    duration,
    identifier,
    object_name,
    quantity,
)
from orchestrator.validation.familiar.shapes import approver

APPROVER_PATTERN = r"^(user|group):.+$"
QUANTITY_BEGIN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G"
ENVIRONMENT_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
PATH_PATTERN = r"^/[^:]*$"
_CHOICE = re.compile(r"\^\(([A-Za-z]+(?:\|[A-Za-z]+)*)\)\??\$")


def mismatch(pattern: str, given: str) -> str:
    """The problem of a string that does not match; names the pattern only if necessary."""
    text = shown(given)
    if pattern == IDENTIFIER_PATTERN:
        rule = f"{text} is not a name: a lower-case letter, then letters, digits and _"
        return rule + _write(identifier(given))
    if pattern == DURATION_PATTERN:
        meant = duration(given)
        forms = f"write {meant}" if meant else "write one such as 30s, 5m, 1h30m or 500ms"
        return f"{text} is not a duration; {forms}"
    if pattern in (DNS_LABEL_PATTERN, DNS_SUBDOMAIN_PATTERN):
        rule = "lower-case letters, digits and '-', with a letter or digit at both ends"
        return f"{text} is not a Kubernetes name: {rule}{_write(object_name(given))}"
    if pattern == APPROVER_PATTERN:
        return f"{text} is neither user:NAME nor group:NAME{_write(approver(given))}"
    if pattern == ENVIRONMENT_PATTERN:
        rule = "is not the name of an environment variable: letters, digits and _"
        near = re.sub(r"[^A-Za-z0-9_]+", "_", given[:63]).lstrip("0123456789")
        return f"{text} {rule}{_write(near)}"
    if pattern == PATH_PATTERN:
        return f"{text} is not an absolute path without ':'; write one such as /data"
    if pattern.startswith(QUANTITY_BEGIN):
        meant = quantity(given)
        return f"{text} is not a quantity{_write(meant or '') or '; write one such as 1Gi or 500m'}"
    if choice := _CHOICE.fullmatch(pattern):
        allowed = choice[1].split("|")
        return f"must be one of {', '.join(allowed)}, not {text}{did_you_mean(given, allowed)}"
    return f"{text} does not match {pattern}"


def _write(proposal: str) -> str:
    return f"; write {proposal!r}" if proposal else ""


def shown(given: Any) -> str:
    """A value in a message."""
    text = repr(given) if isinstance(given, str | int | float) else kind(given)
    return text if len(text) <= 80 else text[:79] + "…"
