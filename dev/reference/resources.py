"""A page for each kind of ours, made from the schema that the API server is given, with enums and
patterns where that has rules in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dev.reference.markdown import anchor, bullets, code, page, section, sentence, table
from orchestrator.crds import KINDS
from orchestrator.models.base import (
    API_VERSION,
    DNS_LABEL_PATTERN,
    DNS_SUBDOMAIN_PATTERN,
    DURATION_PATTERN,
    IDENTIFIER_PATTERN,
    QUANTITY_PATTERN,
)
from orchestrator.models.crd import Kind, custom_resource_definition

Schema = Mapping[str, Any]

WORKFLOW_IN_TEMPLATE = ("Template", "spec.workflow")
"""The one place where a schema holds another kind's whole spec."""
_GROUPED = {"ClusterTemplate": "Template"}
"""Kinds that share the page of another, whose spec and status are the same."""
_NAMED = {
    DURATION_PATTERN: ("duration", "numbers with units, such as `90s`, `5m`, `1h30m` or `500ms`"),
    IDENTIFIER_PATTERN: ("identifier", "letters, digits and `_`; begins with a small letter"),
    DNS_LABEL_PATTERN: ("label name", "small letters, digits and `-`; at most 63 characters"),
    DNS_SUBDOMAIN_PATTERN: ("object name", "small letters, digits, `-` and `.`"),
    QUANTITY_PATTERN: ("quantity", "as in Kubernetes, such as `500m`, `48Mi` or `2Gi`"),
}
"""Types of strings by their pattern: name and form."""
_BOUNDS = (
    ("minLength", "maxLength", "character"),
    ("minItems", "maxItems", "item"),
    ("minProperties", "maxProperties", "key"),
    ("minimum", "maximum", ""),
)


def resources() -> dict[str, str]:
    """The pages by name."""
    own = [kind for kind in KINDS if kind.name not in _GROUPED]
    return {kind.name.lower(): _page(kind) for kind in own}


def _page(kind: Kind) -> str:
    twins = [twin for twin in KINDS if _GROUPED.get(twin.name) == kind.name]
    schema = _schema(kind)
    return page(
        " and ".join(each.name for each in (kind, *twins)),
        *[_about(each) for each in (kind, *twins)],
        _rules(schema),
        *[
            section(code(path), _of_kind(kind, path, part), level=2 if "." not in path else 3)
            for path, part in _objects(kind, schema)
        ],
        section("Types of strings", table(("Type", "Form"), _NAMED.values())),
    )


def _schema(kind: Kind) -> Schema:
    (version,) = custom_resource_definition(kind, own_messages=False)["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def _about(kind: Kind) -> str:
    manifest = custom_resource_definition(kind)["spec"]
    (version,) = manifest["versions"]
    names, columns = manifest["names"], version["additionalPrinterColumns"]
    fields = [field["jsonPath"].removeprefix(".") for field in version.get("selectableFields", ())]
    rows = [
        ("API version", code(API_VERSION)),
        ("Scope", "namespaced" if kind.namespaced else "cluster"),
        ("Names for kubectl", _codes(names["plural"], names["singular"], *names["shortNames"])),
        ("Categories", _codes(*names["categories"])),
        ("Columns", ", ".join(column["name"] for column in columns if not column.get("priority"))),
        (
            "Columns with `-o wide`",
            ", ".join(column["name"] for column in columns if column.get("priority")),
        ),
        ("Selectable fields", _codes(*fields)),
    ]
    selecting = (
        f"Selectable fields filter on the server: `kubectl get {kind.short} --field-selector "
        f"{fields[0]}=VALUE`."
        if fields
        else ""
    )
    about = table((f"**{kind.name}**", sentence(kind.description)), [row for row in rows if row[1]])
    return "\n\n".join(filter(None, [about, selecting]))


def _codes(*names: str) -> str:
    return ", ".join(map(code, names))


def _objects(kind: Kind, schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every object with fields of its own, each followed by those inside it."""
    for name, field in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        found, at = _inside(field, below)
        if found is None or not (path or name in ("spec", "status")):
            continue
        if (kind.name, at) != WORKFLOW_IN_TEMPLATE:
            yield at, found
            yield from _objects(kind, found, at)


def _inside(field: Schema, path: str) -> tuple[Schema | None, str]:
    """The object that a field holds, directly, in a list or by key, and the path to it."""
    if "items" in field:
        return _inside(field["items"], f"{path}[]")
    values = field.get("additionalProperties")
    if isinstance(values, Mapping):
        return _inside(values, f"{path}.NAME")
    fields = field.get("properties", {})
    return (field if fields and not _is_free(field) else None), path


def _is_free(field: Schema) -> bool:
    return bool(field.get("x-kubernetes-preserve-unknown-fields"))


def _of_kind(kind: Kind, path: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (
            code(name),
            _type(kind, f"{path}.{name}", field),
            " ".join(
                filter(
                    None,
                    [
                        "**Required.**" if name in required else "",
                        sentence(field.get("description", "")),
                        _limits(field),
                    ],
                )
            ),
        )
        for name, field in schema["properties"].items()
    ]
    return "\n\n".join(
        filter(None, [table(("Field", "Type", "Description"), rows), _rules(schema)])
    )


def _type(kind: Kind, path: str, field: Schema) -> str:
    if (kind.name, path) == WORKFLOW_IN_TEMPLATE:
        return "[the `spec` of a Workflow](workflow.md#spec)"
    inside, at = _inside(field, path)
    link = f"[object](#{anchor(at)})" if inside is not None else ""
    if "items" in field:
        return f"list of {link or _scalar(field['items'])}"
    values = field.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"map of {link or _scalar(values)}"
    return link or _scalar(field)


def _scalar(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(code(str(value)) for value in field["enum"])
    if _is_free(field):
        return "map of any value" if field.get("type") == "object" else "any value"
    if "items" in field:
        return f"list of {_scalar(field['items'])}"
    if field.get("pattern") in _NAMED:
        return _NAMED[field["pattern"]][0]
    return str(field.get("type", "any value"))


def _limits(field: Schema) -> str:
    """The default and the bounds of a field, in words."""
    words = []
    if "default" in field:
        words.append(f"Default: {code(_shown(field['default']))}.")
    if field.get("pattern") not in _NAMED:
        words += [_bounds(field, *bounds) for bounds in _BOUNDS]
        if "pattern" in field:
            words.append(f"Pattern: {code(field['pattern'])}.")
    if keys := field.get("x-kubernetes-list-map-keys"):
        words.append(f"Entries are merged by {' and '.join(map(code, keys))}.")
    return " ".join(filter(None, words))


def _bounds(field: Schema, least_key: str, most_key: str, unit: str) -> str:
    least, most = field.get(least_key), field.get(most_key)
    if least is not None and most is not None:
        return f"{least:,} to {most:,}{_units(unit, most)}."
    if most is not None:
        return f"At most {most:,}{_units(unit, most)}."
    return f"At least {least:,}{_units(unit, least)}." if least is not None else ""


def _units(unit: str, count: float) -> str:
    return f" {unit}{'' if count == 1 else 's'}" if unit else ""


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rules(schema: Schema) -> str:
    """What the API server refuses beyond types and bounds."""
    rules = schema.get("x-kubernetes-validations", ())
    messages = list(dict.fromkeys(code(rule["message"]) for rule in rules))
    return f"The API server refuses what breaks a rule:\n\n{bullets(messages)}" if messages else ""
