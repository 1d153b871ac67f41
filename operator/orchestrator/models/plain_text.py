"""Text without characters that control a terminal or reorder the displayed text."""

from __future__ import annotations

import re

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters (C0 but newline and tab, DEL, C1), bidirectional controls (Unicode Standard
Annex 9), and halves of surrogate pairs."""
REPLACEMENT = "\ufffd"


def plain_text(text: str) -> str:
    """The text with each hidden character replaced by REPLACEMENT, and CRLF by a newline."""
    if text.isprintable():
        return text
    return HIDDEN.sub(REPLACEMENT, text.replace("\r\n", "\n"))
