"""What kubectl reads: a table of YAML values, made with kubectl itself and without a cluster.

`python -m tests.kubectl_yaml` writes the table again.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.tools import kubectl

TABLE = Path(__file__).parent / "unit" / "cli" / "kubectl.json"
_HEAD = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: n{}}}\nspec:\n  value: {}\n"


@dataclass(frozen=True)
class Reading:
    """A value as it is written in YAML and what kubectl makes of it; refused: no value."""

    source: str
    refused: bool
    value: Any = None


def document(source: str, number: int = 0) -> str:
    """A manifest with the value at `spec.value`."""
    return _HEAD.format(number, source)


def read_table() -> list[Reading]:
    """The checked-in table."""
    rows = json.loads(TABLE.read_text())
    return [Reading(row["yaml"], "json" not in row, row.get("json")) for row in rows]


def ask_kubectl(sources: Sequence[str]) -> list[Reading]:
    """What kubectl reads; several at once, and in halves where one of them is refused."""
    if not sources:
        return []
    text = "".join(f"---\n{document(source, at)}" for at, source in enumerate(sources))
    command = [kubectl(), "annotate", "--local", "-f", "-", "-o", "json", "a=b"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=120)
    if done.returncode == 0:
        objects = _objects(done.stdout.decode())
        values = (item["spec"].get("value") for item in objects)
        return [
            Reading(source, False, value) for source, value in zip(sources, values, strict=True)
        ]
    if len(sources) == 1:
        return [Reading(sources[0], True)]
    half = len(sources) // 2
    return ask_kubectl(sources[:half]) + ask_kubectl(sources[half:])


def _objects(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        item, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        found += item["items"] if item["kind"] == "List" else [item]
    return found


def _render(readings: Sequence[Reading]) -> str:
    rows = [
        json.dumps({"yaml": row.source} | ({} if row.refused else {"json": row.value}))
        for row in readings
    ]
    return "[\n" + ",\n".join(rows) + "\n]\n"


if __name__ == "__main__":
    TABLE.write_text(_render(ask_kubectl([row.source for row in read_table()])))
