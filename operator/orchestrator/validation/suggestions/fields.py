"""Replacements for fields that a model does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.validation.suggestions.table import FIELDS


def hint_for(model: str, field: str, value: Any, owner: Any) -> str:
    """The replacement for a field that this model does not have; empty if unknown."""
    known = FIELDS.get(model, {})
    hint = known.get(re.sub(r"[-_ ]", "", field[:64]).lower(), "")
    if callable(hint):
        return hint(value, owner if isinstance(owner, Mapping) else {})
    return hint
