"""`python -m dev.client` writes the client's methods and types; `--check` reports drift."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from dev.client.methods import Operation, method_of
from dev.client.shapes import PREFIX, Shapes
from orchestrator.api.application import create_application

FOLDER = Path(__file__).parents[2] / "operator" / "orchestrator" / "client"
RUFF = Path(sys.executable).parent / "ruff"
_NOTE = "Generated from docs/openapi.json by `make generate`; do not edit."
_METHODS = '''"""{title}

{note}
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from orchestrator.client.lines import Event
from orchestrator.client.resource import Pages, Resource, given
{imports}
from orchestrator.client.transport import Stored, segment


class {name}Api(Resource):
    """{title}"""

'''
_SHAPES = '''"""{title}

{note}
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

{imports}

'''
TITLES = {
    "workflows": "Workflows: list, create, change, copy, validate and run them.",
    "graph": "The nodes and edges of a Workflow.",
    "executions": "Executions: list them, read them, follow and control them.",
    "triggers": "Triggers: list, create, change, suspend, test and fire them.",
    "templates": "Templates of whole workflows.",
    "actions": "The actions that nodes run.",
    "types": "The kinds of nodes, triggers and actions, with the schemas of their fields.",
    "figures": "Figures over executions.",
    "service": "The API itself, and its user.",
}
BROWSERS = "login"
"""The tag of the routes that only browsers use."""
SCHEMAS = {
    "workflow": ("Workflow", "Workflows."),
    "execution": ("WorkflowExecution", "Executions."),
    "trigger": ("Trigger", "Triggers."),
    "template": ("Template", "Templates and actions."),
}
"""The files of the types of objects; what the methods take and return besides is in `messages`."""


def files() -> dict[str, str]:
    """The generated files by their path in the client's folder."""
    description = create_application(None).openapi()
    shapes = Shapes(description["components"]["schemas"])
    placed: dict[str, str] = {}
    for file, (kind, _) in SCHEMAS.items():
        shapes.of({"$ref": f"{PREFIX}{kind}"}, kind)
        placed |= {name: file for name in shapes.definitions if name not in placed}
    methods: dict[str, list[str]] = defaultdict(list)
    for path, routes in description["paths"].items():
        for method, route in routes.items():
            if BROWSERS in route["tags"]:
                continue
            operation = Operation(method.upper(), path, route)
            methods[operation.resource].append(method_of(operation, shapes))
    placed |= {name: "messages" for name in shapes.definitions if name not in placed}
    made = {f"methods/{name}.py": _methods(name, parts, placed) for name, parts in methods.items()}
    made |= {
        f"schemas/{name}.py": _schemas(name, shapes, placed) for name in (*SCHEMAS, "messages")
    }
    return {name: _formatted(text) for name, text in made.items()} | {
        f"{folder}/__init__.py": f'"""{words}\n\n{_NOTE}\n"""\n'
        for folder, words in (
            ("methods", "The methods of the client."),
            ("schemas", "The types of what the methods take and return."),
        )
    }


def _methods(name: str, parts: list[str], placed: dict[str, str]) -> str:
    text = "\n\n".join(parts)
    head = _METHODS.format(
        title=TITLES[name], note=_NOTE, name=name.capitalize(), imports=_imports(text, placed)
    )
    return head + text + "\n"


def _schemas(name: str, shapes: Shapes, placed: dict[str, str]) -> str:
    title = SCHEMAS[name][1] if name in SCHEMAS else "Bodies and answers that are no objects."
    text = "\n\n".join(made for key, made in shapes.definitions.items() if placed[key] == name)
    return _SHAPES.format(title=title, note=_NOTE, imports=_imports(text, placed, name)) + text


def _imports(text: str, placed: dict[str, str], own: str = "") -> str:
    used: dict[str, list[str]] = defaultdict(list)
    words = set(re.findall(r"\w+", re.sub(r'"""[\s\S]*?"""', "", text)))
    for name in sorted(words & placed.keys()):
        if placed[name] != own:
            used[placed[name]].append(name)
    return "\n".join(
        f"from orchestrator.client.schemas.{file} import {', '.join(names)}"
        for file, names in sorted(used.items())
    )


def _formatted(text: str) -> str:
    for arguments in (("check", "--select=F401,I", "--fix", "-q"), ("format", "-q")):
        command: list[Any] = [RUFF, *arguments, "--stdin-filename=operator/orchestrator/x.py", "-"]
        root = FOLDER.parents[2]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=root)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        text = done.stdout
    return text


def drifted(wanted: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """The files that differ, are missing, or are generated no more."""
    present = {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for part in ("methods", "schemas")
        for file in (folder / part).rglob("*.py")
    }
    return sorted(name for name in wanted | present if wanted.get(name) != present.get(name))


def main() -> int:
    """Write the files, or with --check compare them; 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m dev.client", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    check: bool = parser.parse_args().check
    wanted = files()
    found = drifted(wanted)
    for name in found:
        path = FOLDER / name
        if check:
            print(f"{path} is not up to date: run `make generate`", file=sys.stderr)
        elif name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
