"""Validates image references: an invalid one is refused at once, since waiting would not help."""

from __future__ import annotations

import re

from orchestrator.jobs.refusal import JobRefused
from orchestrator.models.reasons import Reason

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
"""The grammar of https://github.com/distribution/reference/blob/main/reference.go"""


def check_image(image: str, path: str) -> str:
    """The image itself if it is a reference. Raises JobRefused with the path."""
    if len(image) <= 1024 and _REFERENCE.fullmatch(image):
        return image
    raise JobRefused(
        Reason.IMAGE_PULL,
        f"{path}: {image[:100]!r} is not an image; write one such as reg.example.com/team/tool:1.2"
        " (lower case, without spaces or a scheme)",
    )
