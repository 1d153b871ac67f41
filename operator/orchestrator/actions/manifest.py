"""Generates the Template of a shipped action from its models, so that the two always agree."""

from __future__ import annotations

import enum
import inspect
import textwrap
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from orchestrator.actions.action import PERMANENT_EXIT_CODES, Action
from orchestrator.actions.registry import every
from orchestrator.models.base import API_VERSION, ValueType
from orchestrator.models.docstrings import field_docstrings
from orchestrator.models.labels import EXAMPLE
from orchestrator.models.template import Scope, TemplateSpec

SERVICE_ACCOUNT = "automation-runner"
"""Service account of the actions that use the Kubernetes API; each namespace creates its own."""

_TYPES: dict[type, ValueType] = {
    str: ValueType.STRING,
    bool: ValueType.BOOLEAN,
    int: ValueType.INTEGER,
    float: ValueType.NUMBER,
    list: ValueType.LIST,
    dict: ValueType.OBJECT,
    SecretStr: ValueType.SECRET,
}


def handwritten() -> dict[str, str]:
    """The Templates that are written as YAML, by name: each is a file beside the actions."""
    paths = sorted(Path(__file__).parent.glob("*/*.yaml"))
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def templates() -> dict[str, dict[str, Any]]:
    """The Templates of all shipped actions, by name."""
    others = {name: yaml.safe_load(text) for name, text in handwritten().items()}
    return {**{action.name: template(action) for action in every()}, **others}


def template(action: Action[Any, Any]) -> dict[str, Any]:
    """The ClusterTemplate of an action."""
    about = inspect.cleandoc(action.run.__doc__ or "")
    resources = action.resources
    service_account = {"serviceAccountName": SERVICE_ACCOUNT} if action.rights else {}
    spec = {
        "title": action.title,
        "description": f"{about}\n\n{textwrap.fill(action.retries, 92, break_on_hyphens=False)}\n",
        "category": action.category,
        "icon": action.icon,
        "parameters": _all(_parameter, action.parameters),
        "outputs": _all(_output, action.outputs),
        "permanentExitCodes": list(PERMANENT_EXIT_CODES),
        **({"rights": _rights(action)} if action.rights else {}),
        "action": {
            "image": action.image,
            **_entry_point(action),
            **service_account,
            **({} if action.writes_files else {"volumes": []}),
            "resources": {
                "requests": {"cpu": resources.cpu, "memory": resources.memory},
                "limits": {"memory": resources.memory_limit},
            },
        },
    }
    TemplateSpec.model_validate(spec)
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterTemplate",
        "metadata": {
            "name": action.name,
            "annotations": {EXAMPLE: inspect.cleandoc(action.example) + "\n"},
        },
        "spec": spec,
    }


def _entry_point(action: Action[Any, Any]) -> dict[str, Any]:
    if action.script:
        return {"script": {"interpreter": "sh", "source": inspect.cleandoc(action.script) + "\n"}}
    return {"command": ["orchestrator", "action", action.name]}


def _rights(action: Action[Any, Any]) -> list[dict[str, Any]]:
    """The action's rights as rules; resources of a group with the same verbs share a rule."""
    needs: dict[tuple[str, str, bool], set[str]] = {}
    for right in action.rights:
        resource = right.resource
        bound = resource.namespaced and not right.every_namespace
        needs.setdefault((resource.group, right.path, bound), set()).update(right.verbs)
    rules: dict[tuple[str, bool, tuple[str, ...]], list[str]] = {}
    for (group, path, namespaced), verbs in sorted(needs.items()):
        rules.setdefault((group, namespaced, tuple(sorted(verbs))), []).append(path)
    return [
        {
            "apiGroups": [group],
            "resources": resources,
            "verbs": list(verbs),
            **({} if namespaced else {"scope": Scope.CLUSTER.value}),
        }
        for (group, namespaced, verbs), resources in rules.items()
    ]


def _in_order(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Required fields, then the model's own, then inherited ones."""
    declared = [name for cls in model.__mro__ for name in inspect.get_annotations(cls)]
    fields = model.model_fields
    names = [name for name in dict.fromkeys(declared) if name in fields]
    return sorted(
        ((name, fields[name]) for name in names), key=lambda item: not item[1].is_required()
    )


def _all(one: Callable[[str, FieldInfo], dict[str, Any]], model: type[BaseModel]) -> list[Any]:
    """Each field of a model, converted by `one`, with its description."""
    texts = field_docstrings(model)
    fields = _in_order(model)
    return [
        one(name, field) | {"description": " ".join(texts.get(name, "").split())}
        for name, field in fields
    ]


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
    return parameter


def _output(name: str, field: FieldInfo) -> dict[str, Any]:
    output: dict[str, Any] = {
        "name": field.alias or name,
        "type": _type(_plain(field.annotation)).value,
    }
    if field.is_required():
        output["required"] = True
    return output


def _plain(annotation: Any) -> Any:
    """The annotation without `| None` and Annotated."""
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


def render(action: Action[Any, Any]) -> str:
    """The content of the Template's file."""
    return yaml.dump(
        template(action), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Writes multi-line strings as literal blocks."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
