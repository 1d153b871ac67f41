"""Nodes out of the examples that are shipped, which tests run as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "manifests" / "examples"
Node = dict[str, Any]


def example(wanted: Callable[[Node], bool]) -> tuple[str, str]:
    """The shortest node of the examples that fits, as YAML, and its file; empty without one."""
    found = [(_yaml(node), name) for name, node in _nodes() if wanted(node)]
    return min(found, key=lambda item: (len(item[0]), item[1]), default=("", ""))


@cache
def _nodes() -> tuple[tuple[str, Node], ...]:
    return tuple(_read())


def _read() -> Iterator[tuple[str, Node]]:
    for file in sorted(EXAMPLES.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document and document["kind"] == "Workflow":
                for node in document["spec"]["nodes"]:
                    yield file.name, node


def _yaml(node: Node) -> str:
    return yaml.dump([node], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=92)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
