"""Encodes outputs as the kubelet accepts them: one JSON object of at most 4096 bytes.

The kubelet silently keeps only the *last* 4096 bytes of a termination message, so larger outputs
are shortened here, with a mark, or fail the action.
"""

from __future__ import annotations

import json
from typing import Any

from orchestrator.actions.action import ActionError, Outputs
from orchestrator.actions.masking import Mask, mask_value

MAX_BYTES = 4096
"""Maximum size of a termination message (k8s.io/kubernetes, MaxContainerTerminationMessageLength).
"""


def encode(outputs: Outputs, mask: Mask = str) -> bytes:
    """The outputs as JSON, without absent ones, and with bulky ones shortened until all fit.

    Secrets are masked first, since half a secret would not be recognized. Raises a permanent
    ActionError if the outputs are too large even without the bulky ones.
    """
    dumped = outputs.model_dump(mode="json", by_alias=True, exclude_none=True)
    values = {name: mask_value(value, mask) for name, value in dumped.items()}
    for name in outputs.bulky:
        if _fits(values):
            break
        values["truncated"] = True
        _shorten(values, name, keep_end=name in outputs.keep_end)
    encoded = _json(values)
    if len(encoded) > MAX_BYTES:
        raise ActionError(
            f"the outputs are {len(encoded)} bytes of JSON, more than the {MAX_BYTES} allowed",
            permanent=True,
        )
    return encoded


def _shorten(values: dict[str, Any], name: str, *, keep_end: bool) -> None:
    """Keep as much of a string or list as fits; drop an object, since a part would mislead."""
    whole = values.pop(name, None)
    if not isinstance(whole, str | list):
        return
    fits, too_long = 0, len(whole) + 1
    while too_long - fits > 1:
        length = (fits + too_long) // 2
        values[name] = _part(whole, length, keep_end)
        fits, too_long = (length, too_long) if _fits(values) else (fits, length)
    values[name] = _part(whole, fits, keep_end)


def _part(whole: str | list[Any], length: int, keep_end: bool) -> str | list[Any]:
    return whole[len(whole) - length :] if keep_end else whole[:length]


def _fits(values: dict[str, Any]) -> bool:
    return len(_json(values)) <= MAX_BYTES


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
