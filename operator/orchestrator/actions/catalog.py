"""The shipped actions' Templates, made from their models so that the two cannot disagree.

`python -m orchestrator.actions.catalog FOLDER` writes them, `--check` says which differ.
"""

from __future__ import annotations

import argparse
import enum
import inspect
import sys
import textwrap
import types
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from orchestrator.actions.action import PERMANENT_EXIT_CODES, Action
from orchestrator.actions.registry import every
from orchestrator.models.base import API_VERSION, ValueType
from orchestrator.models.template import TemplateSpec

SERVICE_ACCOUNT = "automation-runner"
"""Service account of the actions that use the Kubernetes API, where a namespace has made it."""

_TYPES: dict[type, ValueType] = {
    str: ValueType.STRING,
    bool: ValueType.BOOLEAN,
    int: ValueType.INTEGER,
    float: ValueType.NUMBER,
    list: ValueType.LIST,
    dict: ValueType.OBJECT,
    SecretStr: ValueType.SECRET,
}


def template(action: Action[Any, Any]) -> dict[str, Any]:
    """The ClusterTemplate of an action."""
    about = inspect.cleandoc(action.run.__doc__ or "")
    service_account = {"serviceAccountName": SERVICE_ACCOUNT} if action.uses_cluster else {}
    spec = {
        "title": action.title,
        "description": f"{about}\n\n{textwrap.fill(action.retries, 92, break_on_hyphens=False)}\n",
        "category": action.category,
        "icon": action.icon,
        "parameters": [_parameter(*item) for item in action.parameters.model_fields.items()],
        "outputs": [_output(*item) for item in action.outputs.model_fields.items()],
        "permanentExitCodes": list(PERMANENT_EXIT_CODES),
        "action": {
            "image": "$[[ runner.image ]]",
            "command": ["orchestrator", "action", action.name],
            **service_account,
            **({} if action.writes_files else {"volumes": []}),
            "resources": {
                "requests": {"cpu": "20m", "memory": "48Mi"},
                "limits": {"memory": "256Mi"},
            },
        },
    }
    TemplateSpec.model_validate(spec)
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterTemplate",
        "metadata": {"name": action.name},
        "spec": spec,
    }


def _parameter(name: str, field: FieldInfo) -> dict[str, Any]:
    annotation = _plain(field.annotation)
    parameter: dict[str, Any] = {"name": field.alias or name, "type": _type(annotation).value}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        parameter["enum"] = [member.value for member in annotation]
    if field.is_required():
        parameter["required"] = True
    elif field.default not in (None, "", [], {}):
        parameter["default"] = _value(field.default)
    for bound, key in (("ge", "minimum"), ("le", "maximum")):
        for limit in field.metadata:
            if getattr(limit, bound, None) is not None:
                parameter[key] = getattr(limit, bound)
    return parameter | {"description": _text(field)}


def _output(name: str, field: FieldInfo) -> dict[str, Any]:
    output: dict[str, Any] = {
        "name": field.alias or name,
        "type": _type(_plain(field.annotation)).value,
    }
    if field.is_required():
        output["required"] = True
    return output | {"description": _text(field)}


def _plain(annotation: Any) -> Any:
    """An annotation without `| None` and without Annotated."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (only,) = (part for part in typing.get_args(annotation) if part is not types.NoneType)
        return _plain(only)
    return annotation


def _type(annotation: Any) -> ValueType:
    kind = typing.get_origin(annotation) or annotation
    if issubclass(kind, enum.Enum):
        return ValueType.STRING
    if issubclass(kind, BaseModel):
        return ValueType.OBJECT
    return _TYPES[kind]


def _value(default: Any) -> Any:
    return default.value if isinstance(default, enum.Enum) else default


def _text(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def render(action: Action[Any, Any]) -> str:
    """The Template's file."""
    return yaml.dump(
        template(action), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def main() -> int:
    """Write the files, or with --check compare them; 1 when they differ."""
    parser = argparse.ArgumentParser(description="Write the shipped actions' Templates.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    wanted = {folder / f"{action.name}.yaml": render(action) for action in every()}
    stale = [path for path, text in wanted.items() if not _holds(path, text)]
    unknown = sorted(set(folder.glob("*.yaml")) - set(wanted))
    if arguments.check:
        for path in [*stale, *unknown]:
            print(f"{path} is not what the actions say: run `make generate`", file=sys.stderr)
        return 1 if stale or unknown else 0
    folder.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
