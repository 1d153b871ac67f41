"""A graph as Mermaid (https://mermaid.js.org) and as DOT (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.drawing.model import COLOURS, Box, Picture

_SHAPES = {"condition": ("{", "}"), "approval": ("{{", "}}"), "wait": ("([", "])")}
_DOT_SHAPES = {"condition": "diamond", "approval": "hexagon"}


def to_mermaid(picture: Picture) -> str:
    """A flowchart, as GitHub and GitLab render it from a code block."""
    return "\n".join(_mermaid(picture)) + "\n"


def _mermaid(picture: Picture) -> Iterator[str]:
    yield "flowchart TD"
    for box in picture.boxes:
        before, after = _SHAPES.get(box.kind, ("[", "]"))
        label = "<br/>".join(map(_entities, box.lines))
        yield f'  {_id(box)}{before}"{label}"{after}'
    ids = {box.name: _id(box) for box in picture.boxes}
    for arrow in picture.arrows:
        line = "-.->" if arrow.aside else "-->"
        label = f'|"{_entities(arrow.label)}"|' if arrow.label else ""
        yield f"  {ids[arrow.source]} {line}{label} {ids[arrow.target]}"
    for phase in picture.phases:
        colour = COLOURS.get(phase, COLOURS["Skipped"])
        yield f"  classDef {phase} fill:{colour},stroke:{colour},color:#fff"
        names = ",".join(_id(box) for box in picture.boxes if box.phase == phase)
        yield f"  class {names} {phase}"
    if final := ",".join(_id(box) for box in picture.boxes if box.final):
        yield "  classDef final stroke-dasharray:4 3"
        yield f"  class {final} final"


def _id(box: Box) -> str:
    """Mermaid reserves words such as `end`; with this prefix, no name collides."""
    return f"n_{box.name}"


def _entities(text: str) -> str:
    """Escapes what would end the label or be read as markup."""
    return "".join(f"#{ord(letter)};" if letter in '"#<>&`|' else letter for letter in text)


def to_dot(picture: Picture) -> str:
    """A digraph, for `dot -Tpng` and the like."""
    return "\n".join(_dot(picture)) + "\n"


def _dot(picture: Picture) -> Iterator[str]:
    yield f"digraph {_quoted(picture.title)} {{"
    yield "  rankdir=TB"
    yield '  node [shape=box, style="rounded", fontname="Helvetica"]'
    yield '  edge [fontname="Helvetica", fontsize=10]'
    for box in picture.boxes:
        attributes = {"label": "\n".join(box.lines)}
        if box.kind in _DOT_SHAPES:
            attributes["shape"] = _DOT_SHAPES[box.kind]
        styles = ["rounded", *(["filled"] if box.phase else []), *(["dashed"] if box.final else [])]
        if styles != ["rounded"]:
            attributes["style"] = ",".join(styles)
        if box.phase:
            attributes["fillcolor"] = COLOURS.get(box.phase, COLOURS["Skipped"])
            attributes["fontcolor"] = "#ffffff"
        yield f"  {_quoted(box.name)} [{_attributes(attributes)}]"
    for arrow in picture.arrows:
        attributes = {"label": arrow.label} if arrow.label else {}
        if arrow.aside:
            attributes["style"] = "dashed"
        shown = f" [{_attributes(attributes)}]" if attributes else ""
        yield f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)}{shown}"
    yield "}"


def _attributes(attributes: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
