"""Prints objects in the format of `-o`: name, JSON, YAML, or by a JSONPath template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.terminal import say, to_json
from orchestrator.session.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.formats.jsonpath import Template

FORMATS = ("json", "yaml", "name", "wide", "jsonpath=TEMPLATE")
_JSONPATH = "jsonpath"


@dataclass(frozen=True)
class Format:
    """The format of `-o`; an empty name means a table."""

    name: str = ""
    template: Template | None = None

    @property
    def wide(self) -> bool:
        """Whether the table has all columns."""
        return self.name == "wide"

    @property
    def table(self) -> bool:
        """Whether it is a table."""
        return self.name in ("", "wide")

    def show(self, raw: dict[str, Any], *, alone: bool = True) -> None:
        """One object, or a List; `alone` is False for one of several in a stream."""
        match self.name:
            case "json":
                say(to_json(plain(raw)), flush=True)
            case "yaml":
                from orchestrator.formats.yaml_dumper import to_yaml

                say("" if alone else "---\n", to_yaml(plain(raw)), sep="", end="", flush=True)
            case "jsonpath":
                assert self.template is not None
                say(self.template.expand(plain(raw)), end="" if alone else "\n", flush=True)
            case _:
                for item in raw.get("items", [raw]):
                    say(name_of(item), flush=True)


def read_format(output: str | None, *, table: bool = True) -> Format:
    """The format of a `-o` option. Raises UsageError for an unknown one.

    If `table` is false, `wide` is rejected and the default is `name`.
    """
    text = (output or "").removeprefix("=")  # kubectl accepts -o=json
    name, equals, template = text.partition("=")
    if name == _JSONPATH and (not equals or not template):
        raise UsageError("-o jsonpath: write a template, such as -o jsonpath='{.status.phase}'")
    if name == _JSONPATH:
        from orchestrator.formats.jsonpath import JsonPathError, read_template

        try:
            return Format(_JSONPATH, read_template(template))
        except JsonPathError as error:
            raise UsageError(str(error)) from error
    if not text:
        return Format() if table else Format("name")
    known = [one for one in FORMATS if table or one != "wide"]
    if text not in known:
        raise UsageError(f"-o {text}: write {', '.join(known[:-1])} or {known[-1]}")
    return Format(text)


def list_of(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several objects as a List, as kubectl prints them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def name_of(raw: dict[str, Any]) -> str:
    """`workflowexecution/first-1`."""
    return f"{raw['kind'].lower()}/{raw['metadata']['name']}"


def plain(raw: dict[str, Any]) -> dict[str, Any]:
    """Without managedFields, as kubectl prints it; for a List, in each item."""
    if "items" in raw:
        return {**raw, "items": [plain(item) for item in raw["items"]]}
    if "metadata" not in raw:
        return raw
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    return {**raw, "metadata": metadata}


def now() -> float:
    """Seconds since the epoch."""
    return datetime.now(UTC).timestamp()
