"""Generates the reference pages of the catalogue."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Callable, Sequence

import yaml

from orchestrator.actions.registry import NAMES, load
from orchestrator.actions.shipped import Shipped
from orchestrator.models.base import API_VERSION
from orchestrator.models.template import Parameter, TemplateOutput

_HEAD = """\
# Actions

The shipped actions are ClusterTemplates in `manifests/catalog/actions`. A node runs an action with
`action: NAME` and passes its parameters in `with`. This page is generated from the Templates;
`kubectl get clustertemplates` lists those of a cluster.

An action that uses the Kubernetes API runs as the service account `automation-runner` and needs the
permissions listed under *Rights*. `orchestrator grant ACTION` prints the Role and the binding that
grant them; [roles](roles.md#rights-of-actions) lists the roles that grant those of several actions.
"""


_WORKFLOWS = """\
# Workflow templates

The shipped Templates of whole workflows are in `manifests/catalog/workflows`. `orchestrator new`
creates a Workflow from a Template and values for its parameters; the result is a Workflow like any
other. This page is generated from the Templates.
"""


def render_actions(catalogue: Sequence[Shipped]) -> str:
    """The page of actions: a table sorted by category, then a section for each action."""
    return _page(_HEAD, "Action", catalogue, lambda each: f"```yaml\n{_manifest(each)}```")


def render_workflows(catalogue: Sequence[Shipped]) -> str:
    """The page of the Templates of whole workflows."""
    return _page(_WORKFLOWS, "Template", catalogue, _command)


def _page(
    head: str, noun: str, catalogue: Sequence[Shipped], example: Callable[[Shipped], str]
) -> str:
    by_category = sorted(catalogue, key=lambda each: (each.spec.category, each.name))
    lines = [head, f"| {noun} | Category | |", "|---|---|---|"]
    lines += [
        f"| [{each.name}](#{each.name}) | {each.spec.category} | {_cell(each.spec.title)} |"
        for each in by_category
    ]
    return "\n".join(lines) + "\n" + "".join(_section(each, example) for each in by_category)


def _section(shipped: Shipped, example: Callable[[Shipped], str]) -> str:
    parts = [
        f"## {shipped.name}",
        shipped.spec.description.strip(),
        _table("Parameter", [_parameter(each) for each in shipped.spec.parameters]),
        _table("Output", [_output(each) for each in shipped.spec.outputs]),
        _rights(shipped.name),
        example(shipped),
    ]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _command(shipped: Shipped) -> str:
    lines = [f"orchestrator new my-{shipped.name} --from {shipped.name}"]
    for name, value in yaml.safe_load(shipped.example).items():
        lines.append(f"    --var {shlex.quote(f'{name}={_json(value)}')}")
    return "```\n" + " \\\n".join(lines) + "\n```"


def _table(noun: str, rows: list[tuple[str, str, str, str]]) -> str:
    if not rows:
        return ""
    head = [f"| {noun} | Type | | Description |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _parameter(each: Parameter) -> tuple[str, str, str, str]:
    default = "" if each.default is None else f"default `{_json(each.default)}`"
    choice = "" if each.enum is None else "one of " + ", ".join(f"`{one}`" for one in each.enum)
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("at least", each.minimum), ("at most", each.maximum))
        if bound is not None
    ]
    notes = ["required"] if each.required else [default]
    return (
        f"`{each.name}`",
        each.type.value,
        "; ".join(note for note in [*notes, choice, *bounds] if note),
        each.description,
    )


def _output(each: TemplateOutput) -> tuple[str, str, str, str]:
    return f"`{each.name}`", each.type.value, "always" if each.required else "", each.description


def _rights(name: str) -> str:
    rights = load(name).rights if name in NAMES else ()
    if not rights:
        return ""
    granted = [f"{', '.join(right.verbs)} `{right.shown}`" for right in rights]
    return textwrap.fill(f"*Rights:* {'; '.join(granted)}.", 100, break_on_hyphens=False)


def _manifest(shipped: Shipped) -> str:
    spec = textwrap.indent(shipped.example, "  ")
    return (
        f"apiVersion: {API_VERSION}\nkind: Workflow\n"
        f"metadata: {{name: {shipped.name}-example}}\nspec:\n{spec}"
    )


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
