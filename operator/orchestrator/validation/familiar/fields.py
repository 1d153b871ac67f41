"""What to write instead of a field that a model does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.validation.familiar.table import FIELDS


def hint_for(model: str, field: str, value: Any, owner: Any) -> str:
    """What to write instead of a field that this model does not have; empty if unknown."""
    known = FIELDS.get(model, {})
    hint = known.get(re.sub(r"[-_ ]", "", field[:64]).lower(), "")
    if callable(hint):
        return hint(value, owner if isinstance(owner, Mapping) else {})
    return hint
