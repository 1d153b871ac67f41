"""PyYAML's parser with go-yaml's deviations; its result is what kubectl reads."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import yaml

from orchestrator.formats.scalars import BINARY, TAG, UnresolvedError, key_text, resolve
from orchestrator.models.base import Json

MAX_DEPTH = 100
"""Maximum nesting; an alias that contains itself never ends."""
_MERGE = TAG + "merge"
_PLAIN = ""
"""The tag of an unquoted scalar without an explicit tag."""
_BREAKS = "\0\r\n\x85\u2028\u2029"
_BLANKS = _BREAKS + " \t"


class Loader(yaml.SafeLoader):
    """Composes nodes; tabs may separate tokens, and an anchor may be defined twice."""

    ESCAPE_REPLACEMENTS = {  # type: ignore[misc]
        escape: text
        for escape, text in yaml.SafeLoader.ESCAPE_REPLACEMENTS.items()
        if escape != "/"  # an escape of YAML 1.2
    }

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node without an explicit one: it is resolved when the value is made."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return str(super().resolve(kind, value, (False, True)))  # type: ignore[no-untyped-call]

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node; the latest definition of an anchor counts."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        return super().compose_node(parent, index)

    def compose_scalar_node(self, anchor: Any) -> Any:
        """A scalar; the tag `!` makes any text a string."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if event.tag == "!":
            event.implicit = (False, True)
        return super().compose_scalar_node(anchor)

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks; a tab is a blank wherever no key may begin."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            tabs = self.flow_level or not self.allow_simple_key
            while self.peek() == " " or (tabs and self.peek() == "\t"):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in _BREAKS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> yaml.ScalarToken:
        """An unquoted scalar; a colon ends it only before a blank, also in a flow collection."""
        chunks: list[str] = []
        blanks: list[str] = []
        start = end = self.get_mark()
        indent = self.indent + 1
        while self.peek() != "#":
            length = self._plain_length()
            if length == 0:
                break
            self.allow_simple_key = False
            chunks += [*blanks, self.prefix(length)]
            self.forward(length)
            end = self.get_mark()
            blanks = self.scan_plain_spaces(indent, start)
            if not blanks or (not self.flow_level and self.column < indent):
                break
        return yaml.ScalarToken("".join(chunks), True, start, end)

    def _plain_length(self) -> int:
        length = 0
        while True:
            letter = self.peek(length)
            ends = letter in _BLANKS or (letter == ":" and self.peek(length + 1) in _BLANKS)
            if ends or (self.flow_level and letter in ",?[]{}"):
                return length
            length += 1

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str]:
        """The blanks inside a plain scalar, or its folded line breaks; tabs are blanks."""
        blanks = self._skip_blanks()
        if self.peek() not in _BREAKS[1:]:
            return [blanks] if blanks else []
        breaks: list[str] = [self.scan_line_break()]  # type: ignore[no-untyped-call]
        self.allow_simple_key = True
        while not self._document_ends() and self.peek() in _BLANKS[1:]:
            if self.peek() in " \t":
                if self.peek() == "\t" and self.column < indent:
                    raise yaml.scanner.ScannerError(
                        "while scanning a plain scalar",
                        start_mark,
                        "found a tab character that violates indentation",
                        self.get_mark(),
                    )
                self.forward()
            else:
                breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
        if self._document_ends():
            return []
        first, *rest = breaks
        return [" "] if first == "\n" and not rest else [first if first != "\n" else "", *rest]

    def _skip_blanks(self) -> str:
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = str(self.prefix(length))
        self.forward(length)
        return blanks

    def _document_ends(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _BLANKS


class Reader:
    """Makes the value of a document's nodes. Raises yaml.YAMLError or UnresolvedError."""

    def __init__(self) -> None:
        self._made: dict[int, Json] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node, depth: int = 0) -> Json:
        """The value of a node; an alias has the value of its anchor."""
        if id(node) in self._made:
            return self._made[id(node)]
        if id(node) in self._open:
            raise _error(node, "an alias contains itself")
        if depth > MAX_DEPTH:
            raise _error(node, f"is nested more than {MAX_DEPTH} deep")
        self._open.add(id(node))
        made: Json
        if isinstance(node, yaml.MappingNode):
            made = self._mapping(node, depth)
        elif isinstance(node, yaml.SequenceNode):
            made = [self.value(item, depth + 1) for item in node.value]
        else:
            assert isinstance(node, yaml.ScalarNode)
            made = _scalar(node)
        self._open.discard(id(node))
        self._made[id(node)] = made
        return made

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str | bool, Json]:
        found: dict[str | bool, Json] = {}
        written: set[str | bool] = set()
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                for merged in self._merged(value_node, depth):
                    found.update(merged)
                continue
            key = self._key(key_node)
            if key in written:
                raise _error(key_node, f"the key {key!r} is defined twice")
            written.add(key)
            found[key] = self.value(value_node, depth + 1)
        return found

    def _key(self, node: yaml.Node) -> str | bool:
        """The key; a boolean stays a boolean, so that `on` can be refused with its path."""
        if not isinstance(node, yaml.ScalarNode):
            raise _error(node, "a key must be a string, a number or a boolean")
        try:
            key = _scalar(node, key=True)
            return key if isinstance(key, bool) else key_text(key)
        except UnresolvedError as error:
            raise _error(node, str(error)) from error

    def _merged(self, node: yaml.Node, depth: int) -> list[dict[str | bool, Json]]:
        """What `<<` merges; the last wins, so the first of a list comes last."""
        listed = isinstance(node, yaml.SequenceNode) and id(node) not in self._made  # not an alias
        nodes = node.value[::-1] if listed else [node]
        if not all(isinstance(item, yaml.MappingNode) for item in nodes):
            raise _error(node, "<< merges an object or a list of objects")
        values = [self.value(item, depth + 1) for item in nodes]
        return [value for value in values if isinstance(value, dict)]


def _scalar(node: yaml.ScalarNode, *, key: bool = False) -> Json:
    tag = str(node.tag)
    if tag == BINARY:
        return _binary(node)
    try:
        return resolve(tag, node.value, as_key=key)
    except UnresolvedError as error:
        raise _error(node, str(error)) from error


def _binary(node: yaml.ScalarNode) -> str:
    try:
        encoded = node.value.replace("\n", "").replace("\r", "")
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _error(node, "!!binary holds no text in base64; JSON has no bytes") from error


def _is_merge(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and node.tag in (_PLAIN, _MERGE)


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
