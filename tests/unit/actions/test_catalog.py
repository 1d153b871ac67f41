"""The shipped Templates agree with the actions behind them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

import orchestrator.actions
from orchestrator.actions.action import Action, Family
from orchestrator.actions.main import find
from orchestrator.actions.manifest import handwritten, render
from orchestrator.actions.manifest import templates as templates_by_name
from orchestrator.actions.registry import NAMES, every
from orchestrator.actions.role import in_page, role_of, routine
from orchestrator.actions.shipped import Shipped, problems, read, read_all
from orchestrator.models.template import TemplateSpec

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "manifests/catalog/actions"
JSON_TYPES = {"secret": "string", "list": "array"}

DESCRIBED = "spec.parameters[0].description: must describe 'minimumDays'"
MINE = """
apiVersion: automation.itechsmart.dev/v1alpha1
kind: ClusterTemplate
metadata:
  name: mine
  annotations:
    automation.itechsmart.dev/example: |
      nodes:
      - name: node
        action: mine
        with: {minimumDays: 3}
spec:
  title: Mine
  description: Does something.
  category: data
  parameters:
  - {name: minimumDays, type: integer, description: Days for which it must be valid.}
  action: {image: busybox, command: [sh]}
"""

actions = pytest.mark.parametrize("action", every(), ids=lambda action: action.name)


def spec(action: Action[Any, Any]) -> TemplateSpec:
    manifest = yaml.safe_load((FOLDER / f"{action.name}.yaml").read_text())
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("ClusterTemplate", action.name)
    return TemplateSpec.model_validate(manifest["spec"])


def json_types(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """The types that a field's JSON Schema allows, null aside."""
    if "$ref" in schema:
        return json_types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return set().union(*(json_types(each, definitions) for each in schema["anyOf"]))
    return {schema["type"]} - {"null"}


@actions
def test_the_file_is_what_the_action_says(action: Action[Any, Any]) -> None:
    assert (FOLDER / f"{action.name}.yaml").read_text() == render(action)


@actions
def test_parameters_agree_in_name_type_and_need(action: Action[Any, Any]) -> None:
    schema = TypeAdapter(action.parameters).json_schema(by_alias=True)
    parameters = spec(action).parameters
    assert sorted(each.name for each in parameters) == sorted(schema["properties"])
    needed = [each.required for each in parameters]
    assert needed == sorted(needed, reverse=True), "required ones come first"
    for each in parameters:
        field = schema["properties"][each.name]
        expected = JSON_TYPES.get(each.type.value, each.type.value)
        assert json_types(field, schema.get("$defs", {})) == {expected}, each.name
        assert each.required == (each.name in schema.get("required", [])), each.name
        assert each.description, each.name


@actions
def test_outputs_agree_in_name_type_and_need(action: Action[Any, Any]) -> None:
    schema = TypeAdapter(action.outputs).json_schema(by_alias=True)
    outputs = spec(action).outputs
    assert sorted(each.name for each in outputs) == sorted(schema["properties"])
    for each in outputs:
        field = schema["properties"][each.name]
        expected = JSON_TYPES.get(each.type.value, each.type.value)
        assert json_types(field, schema.get("$defs", {})) == {expected}, each.name
        assert each.required == (each.name in schema.get("required", [])), each.name


@actions
def test_what_may_be_left_out_is_never_required(action: Action[Any, Any]) -> None:
    required = {each.name for each in spec(action).outputs if each.required}
    lists = {name for name in action.outputs.bulky if name in action.outputs.model_fields}
    objects = {each.name for each in spec(action).outputs if each.type == "object"}
    assert not required & lists & objects


def test_defaults_are_those_of_the_models() -> None:
    for action in every():
        for each in spec(action).parameters:
            if each.default is not None:
                (field,) = (
                    field
                    for name, field in action.parameters.model_fields.items()
                    if (field.alias or name) == each.name
                )
                assert each.default == field.default, f"{action.name} {each.name}"


def test_every_action_is_a_file_of_its_category_and_a_line_of_the_registry() -> None:
    package = Path(orchestrator.actions.__file__).parent
    files = {
        (path.parent.name, path.stem.replace("_", "-"))
        for path in package.glob("*/*.py")
        if "\nACTION = Action(" in path.read_text()
    }
    assert files == {(action.category, action.name) for action in every()}
    for action in every():
        assert find(action.name) is action


Rights = set[tuple[str, str, str]]


def rights_of(actions: Iterable[Action[Any, Any]]) -> Rights:
    """Group, resource and verb of all that the actions declare."""
    return {
        (right.resource.group, right.path, verb)
        for action in actions
        for right in action.rights
        for verb in right.verbs
    }


def roles() -> dict[str, Rights]:
    """What the ClusterRoles of the runner grant, by name."""
    text = (ROOT / "manifests/install/runner-rbac.yaml").read_text()
    return {
        role["metadata"]["name"]: {
            (group, resource, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for role in yaml.safe_load_all(text)
    }


def test_the_runner_may_do_what_the_actions_do_and_no_more() -> None:
    granted = roles()["automation-runner"]
    assert ("apps", "deployments", "patch") in granted
    assert ("", "pods/log", "get") in granted
    assert {verb for _, _, verb in granted} <= {"get", "list", "create", "patch"}
    assert granted == rights_of(routine(every()))


def test_no_routine_role_creates_pods_deletes_runs_commands_or_changes_nodes() -> None:
    granted = roles()["automation-runner"]
    assert {resource for _, resource, verb in granted if verb == "create"} == {"incidents"}
    assert not {verb for _, _, verb in granted} & {"delete", "deletecollection", "update", "*"}
    assert not {resource for _, resource, _ in granted} & {
        "nodes", "pods/exec", "pods/eviction", "secrets", "*",
    }  # fmt: skip


@pytest.mark.parametrize("family", Family)
def test_the_role_of_a_family_grants_the_rights_of_its_actions(family: Family) -> None:
    members = [action for action in every() if action.family is family]
    assert roles()[role_of(family)] == rights_of(members) != set()


@actions
def test_an_action_with_rights_has_a_family_and_reasons(action: Action[Any, Any]) -> None:
    assert (action.family is None) == (not action.rights)
    assert all(reason.strip() for right in action.rights for reason in right.reasons.values())


def test_no_role_of_the_runner_is_bound_by_the_installation() -> None:
    texts = [path.read_text() for path in (ROOT / "manifests").rglob("*.yaml")]
    every_object = [raw for text in texts for raw in yaml.safe_load_all(text) if raw]
    bound = {raw["roleRef"]["name"] for raw in every_object if "roleRef" in raw}
    assert bound.isdisjoint(roles())


def test_the_page_of_roles_gives_a_reason_for_each_verb() -> None:
    page = (ROOT / "docs/reference/roles.md").read_text()
    assert in_page(page, every()) == page
    for action in every():
        if action.family is None:
            continue
        table = page.partition(f"### {role_of(action.family)}\n")[2].partition("###")[0]
        for right in action.rights:
            for verb, reason in right.reasons.items():
                start = f"| `{verb}` | `{right.shown}` |"
                (row,) = (line for line in table.splitlines() if line.startswith(start))
                assert f"[{action.name}](actions.md#{action.name}): {reason}" in row
    with pytest.raises(ValueError, match="has no lines"):
        in_page("# Roles\n", every())


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Shipped]:
    found, wrong = read_all(FOLDER)
    assert wrong == []
    return {each.name: each for each in found}


def test_every_shipped_template_is_described_and_has_a_valid_example(
    catalogue: dict[str, Shipped],
) -> None:
    assert set(catalogue) == {*NAMES, *handwritten()}
    for name, text in handwritten().items():
        assert (FOLDER / f"{name}.yaml").read_text() == text
    assert set(catalogue) == set(templates_by_name())
    templates = {each.name: each.spec for each in catalogue.values()}
    found = {name: problems(each, templates) for name, each in catalogue.items()}
    assert found == {name: [] for name in catalogue}


def test_the_page_shows_every_action(catalogue: dict[str, Shipped]) -> None:
    page = (ROOT / "docs/reference/actions.md").read_text()
    for name in catalogue:
        assert f"\n## {name}\n" in page
    assert "get `pods/log`" in page


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (("Days for which", "Number of days for which"), ""),
        (("description: Days for which it must be valid.", "description: ''"), DESCRIBED),
        (("minimumDays:", "minDays:"), "'mine' has no parameter 'minDays'"),
        (("action: mine", "action: rollout-status"), "no node has the action 'mine'"),
        (("nodes:", "nodse:"), "nodse"),
        (
            ("automation.itechsmart.dev/example", "example"),
            "must contain the spec of a Workflow that uses it",
        ),
        (("name: mine", "name: other"), "must be 'mine', the name of the file"),
        (("title: Mine", "title: ''"), "spec.title: must not be empty"),
        (("[sh]", "[orchestrator, action, gone]"), "there is no action 'gone'"),
        (("[sh]", "{}"), "spec.action.command: must be a list"),
        (("kind: ClusterTemplate", "kind: Template"), "kind: must be ClusterTemplate"),
    ],
)
def test_what_a_template_of_yaml_alone_lacks_is_said(
    catalogue: dict[str, Shipped], change: tuple[str, str], wrong: str
) -> None:
    shipped = read(MINE.replace(*change), "mine")
    templates = {each.name: each.spec for each in catalogue.values()}
    if isinstance(shipped, Shipped):
        found = problems(shipped, {**templates, "mine": shipped.spec})
    else:
        found = shipped
    said = "\n".join(map(str, found))
    assert (wrong in said) if wrong else not said, said
