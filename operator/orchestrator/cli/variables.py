"""Variables from the command line: `--var name=value`, converted to the types of the Workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.formats.yaml_json import NotReadableError, read_yaml
from orchestrator.session.errors import UsageError


def read_variables(
    declared: Sequence[Mapping[str, Any]], assignments: Sequence[str], file: Path | None
) -> dict[str, Any]:
    """The values from a file and from the assignments, which take precedence. Raises UsageError."""
    return {**(_from_file(file) if file else {}), **read_assignments(declared, assignments)}


def read_assignments(
    declared: Sequence[Mapping[str, Any]], assignments: Sequence[str]
) -> dict[str, Any]:
    """The values of assignments `NAME=VALUE`. Raises UsageError."""
    values = {}
    types = {item.get("name"): item.get("type", "string") for item in declared}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--var {assignment}: write NAME=VALUE")
        values[name] = typed(name, text, types.get(name, "string"))
    return values


def typed(name: str, text: str, kind: str) -> Any:
    """The text as a value of a variable's type. Raises UsageError with an example of a valid
    value."""
    match kind:
        case "string":
            return text
        case "secret":
            raise UsageError(f"--var {name}: a secret is bound in the Workflow and cannot be set")
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "boolean":
            raise UsageError(f"--var {name}={text}: write true or false")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    wanted, example = _JSON[kind]
    if not isinstance(value, wanted) or isinstance(value, bool):
        given = text if len(text) <= 64 else f"{text[:64]}…"
        raise UsageError(f"--var {name}={given}: {kind} expected, such as {name}={example}")
    return value


_JSON: dict[str, tuple[tuple[type, ...], str]] = {
    "integer": ((int,), "3"),
    "number": ((int, float), "0.5"),
    "list": ((list,), '\'["a", "b"]\''),
    "object": ((dict,), "'{\"a\": 1}'"),
}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        documents = list(read_yaml(file.read_text()))
    except OSError as error:
        raise UsageError(f"--vars-file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--vars-file {file}: not text: {error.reason}") from error
    except NotReadableError as error:
        raise UsageError(f"--vars-file {file}: {error}") from error
    values = documents[0] if len(documents) == 1 else None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"--vars-file {file}: one object of variables by name is expected")
    return values
