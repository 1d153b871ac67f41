"""YAML that kubectl and this command line read back as the same values."""

from __future__ import annotations

import re
from typing import Any

import yaml

from orchestrator.formats.scalars import STR, is_text

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""Characters that control a terminal or the order of text, or that YAML treats as line breaks."""


def to_yaml(value: Any) -> str:
    """One document, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Quotes what would be read as another value, and escapes what would control a terminal."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        if _HIDDEN.search(data):
            return self.represent_scalar(STR, data, style='"')
        return self.represent_scalar(STR, data, style=None if is_text(data) else "'")

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Every value is written out: JSON has no aliases."""
        return True

    def write_double_quoted(self, text: str, split: bool = True) -> None:  # noqa: ARG002
        """Hidden characters as escapes, all others literally.

        PyYAML folds and escapes by its own rules, so the scalar is written in one piece.
        """
        super().write_indicator('"', True)
        self._write("".join(_escape(letter) for letter in text))
        super().write_indicator('"', False)

    def _write(self, text: str) -> None:
        self.column += len(text)
        self.stream.write(text.encode(self.encoding) if self.encoding else text)


def _escape(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter == "\n":
        return "\\n"
    if letter == "\t":
        return "\\t"
    return f"\\u{ord(letter):04x}" if _HIDDEN.match(letter) else letter


_Dumper.add_representer(str, _Dumper.represent_str)
