"""Objects as name, JSON, YAML or a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.errors import UsageError
from orchestrator.cli.terminal import say, to_json
from orchestrator.cli.yamldumper import to_yaml
from orchestrator.engine.times import from_rfc3339, in_words

if TYPE_CHECKING:
    from orchestrator.models.columns import Column

FORMATS = ("name", "json", "yaml", "wide")


def print_object(raw: dict[str, Any], output: str) -> None:
    """One object, as it was asked for."""
    check(output)
    match output:
        case "json":
            say(to_json(plain(raw)))
        case "yaml":
            say(to_yaml(plain(raw)), end="")
        case _:
            say(name_of(raw))


def print_table(header: list[str], cells: list[list[str]]) -> None:
    """Aligned with spaces, as kubectl does, so that it can be piped into anything."""
    table = [[word.upper() for word in header], *cells]
    widths = [max(len(row[index]) for row in table) for index in range(len(header))]
    for row in table:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say(line.rstrip())


def check(output: str | None) -> None:
    """Raises UsageError for a format there is not."""
    if output is not None and output not in FORMATS:
        raise UsageError(f"-o {output}: say {', '.join(FORMATS)}")


def name_of(raw: dict[str, Any]) -> str:
    """`workflowexecution/first-1`."""
    return f"{raw['kind'].lower()}/{raw['metadata']['name']}"


def plain(raw: dict[str, Any]) -> dict[str, Any]:
    """Without managedFields, which nobody reads; of a list, each item."""
    if "items" in raw:
        return {**raw, "items": [plain(item) for item in raw["items"]]}
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    return {**raw, "metadata": metadata}


def rows(
    kind: str, items: Sequence[dict[str, Any]], *, wide: bool, every: bool, now: float
) -> tuple[list[str], list[list[str]]]:
    """The header and cells of a table: the columns that kubectl shows."""
    from orchestrator.models.columns import COLUMNS

    shown = [column for column in COLUMNS[kind] if wide or column.priority == 0]
    header = [*(["Namespace"] if every else []), "Name", *(column.name for column in shown)]
    cells = []
    for item in items:
        metadata = item["metadata"]
        first = [metadata.get("namespace", "")] if every else []
        values = [_cell(item, column, now) for column in shown]
        cells.append([*first, metadata["name"], *values])
    return header, cells


def _cell(item: dict[str, Any], column: Column, now: float) -> str:
    value = _lookup(item, column.path)
    if value is None:
        return ""
    if column.type == "date":
        return in_words(now - from_rfc3339(value)).replace(".0s", "s")
    return str(value).replace("\n", " ")


def _lookup(item: Any, path: str) -> Any:
    """The value at one of our own columns' paths: keys, and one filter by condition type."""
    before, _, after = path.partition('[?(@.type=="')
    value = _walk(item, before)
    if not after:
        return value
    wanted, _, rest = after.partition('")]')
    found = next((entry for entry in value or [] if entry.get("type") == wanted), None)
    return _walk(found, rest)


def _walk(value: Any, path: str) -> Any:
    for key in path.strip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def now() -> float:
    """Seconds since the epoch."""
    return datetime.now(UTC).timestamp()
