"""TypedDicts for the schemas of an OpenAPI description."""

from __future__ import annotations

import builtins
import json
import keyword
import textwrap
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
PREFIX = "#/components/schemas/"
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
ANY = "dict[str, Any]"
_KEYS_OF_YAML = {"true", "false"}
"""Keys that the schema of a free-form object declares only to refuse them."""


def identifier(name: str) -> str:
    """A JSON name as that of a parameter: `dryRun` as `dry_run`, `from` as `from_`."""
    made = "".join(f"_{one.lower()}" if one.isupper() else one for one in name.replace("-", "_"))
    made = made.lstrip("_")
    reserved = keyword.iskeyword(made) or made in ("id", "type", "format")
    return f"{made}_" if reserved or (hasattr(builtins, made) and made != "next") else made


class Shapes:
    """The types of schemas; equal schemas share one."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas
        self.definitions: dict[str, str] = {}
        """The source of each type, those that it uses before it."""
        self._known: dict[str, str] = {}
        self._begun: set[str] = set()

    def of(self, schema: Schema, name: str) -> str:
        """The type of a schema as an annotation; `name` is that of a type made for it."""
        if "$ref" in schema:
            return self._named(str(schema["$ref"]).removeprefix(PREFIX))
        if "anyOf" in schema:
            return " | ".join(dict.fromkeys(self.of(one, name) for one in schema["anyOf"]))
        if "enum" in schema or "const" in schema:
            values = schema.get("enum") or [schema["const"]]
            return f"Literal[{', '.join(json.dumps(one) for one in values)}]"
        match schema.get("type"):
            case "array":
                return f"list[{self.of(schema['items'], _singular(name))}]"
            case "object":
                return self._object(schema, name)
            case str() as scalar:
                return _SCALARS[scalar]
        return "Any"

    def schema(self, name: str) -> Schema:
        """A named schema."""
        return self._schemas[name]

    def _object(self, schema: Schema, name: str) -> str:
        properties = schema.get("properties")
        if properties and not properties.keys() <= _KEYS_OF_YAML:
            key = json.dumps(_bare(schema), sort_keys=True)
            if key not in self._known:
                self._known[key] = name
                self._define(name, schema, properties)
            return self._known[key]
        more = schema.get("additionalProperties")
        return f"dict[str, {self.of(more, _singular(name))}]" if isinstance(more, dict) else ANY

    def _named(self, name: str) -> str:
        schema = self._schemas[name]
        if name in self._begun:
            return name
        self._begun.add(name)
        if properties := schema.get("properties"):
            self._known[json.dumps(_bare(schema), sort_keys=True)] = name
            self._define(name, schema, properties)
        else:
            self.definitions[name] = f"{name} = {self.of(schema, name)}\n"
        return name

    def _define(self, name: str, schema: Schema, properties: Mapping[str, Schema]) -> None:
        required = set(schema.get("required") or ())
        fields = {}
        for field, inner in properties.items():
            made = self.of(inner, f"{name}{field[:1].upper()}{field[1:]}")
            fields[field] = made if field in required else f"NotRequired[{made}]"
        words = " ".join(str(schema.get("description") or "").split())
        if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
            lines = [f"class {name}(TypedDict):"]
            lines += [docstring(words, "    ") + "\n"] if words else []
            lines += [f"    {field}: {made}" for field, made in fields.items()]
        else:
            pairs = ", ".join(f'"{field}": {made}' for field, made in fields.items())
            lines = [f'{name} = TypedDict("{name}", {{{pairs},}})']
            lines += [docstring(words, "")] if words else []
        self.definitions[name] = "\n".join(lines) + "\n"


def docstring(text: str, indent: str) -> str:
    """A docstring of one paragraph."""
    if len(indent) + len(text) < 94:
        return f'{indent}"""{text}"""'
    wrapped = textwrap.wrap(text, 92 - len(indent), break_on_hyphens=False)
    return f'{indent}"""' + f"\n{indent}".join(wrapped) + f'\n{indent}"""'


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") else f"{name}Item"


def _bare(schema: Any) -> Any:
    """A schema without its words."""
    if isinstance(schema, Mapping):
        return {k: _bare(v) for k, v in schema.items() if k not in ("description", "title")}
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema
