"""The chart as far as it can be checked without Helm."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dev.charts import copying
from dev.charts.copying import CHART, ROOT, copies, copy, stale

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
FREE = {
    "image.pullSecrets",
    "webhook.certificate.issuerRef",
    "operator.resources",
    "receiver.resources",
    "api.resources",
    "history.resources",
}
"""Values whose fields are declared though no default has them."""


def test_the_copies_are_up_to_date() -> None:
    assert list(stale()) == []


def test_a_copy_that_differs_is_missing_or_has_no_source_is_named_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "FILES", tmp_path)
    copy()
    assert list(stale()) == []
    paths = list(copies())
    paths[0].write_text("edited")
    paths[1].unlink()
    extra = tmp_path / "crds" / "old.yaml"
    extra.write_text("left behind")
    assert set(stale()) == {paths[0], paths[1], extra}
    assert set(copy()) == {paths[0], paths[1], extra}
    assert list(stale()) == []


def test_versions_are_those_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (version, version)
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    registry, repository = VALUES["image"]["registry"], VALUES["image"]["repository"]
    assert image["image"] == f"{registry}/{repository}:{version}"


def test_artifact_hub_lists_every_definition() -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    listed = yaml.safe_load(annotations["artifacthub.io/crds"])
    definitions = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert {(each["name"], each["kind"], each["version"]) for each in listed} == {
        (raw["metadata"]["name"], raw["spec"]["names"]["kind"], raw["spec"]["versions"][0]["name"])
        for raw in definitions
    }


def test_the_schema_takes_the_defaults_and_declares_exactly_their_fields() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    assert set(declared(SCHEMA)) - {"global"} == set(given(VALUES))


def declared(schema: dict[str, Any], path: str = "") -> list[str]:
    """The paths of the values that a schema declares; objects must be closed."""
    found = []
    for name, part in schema["properties"].items():
        where = f"{path}{name}"
        if "properties" in part and where not in FREE:
            assert part["additionalProperties"] is False, where
            found += declared(part, f"{where}.")
        else:
            found.append(where)
    return found


def given(values: dict[str, Any], path: str = "") -> list[str]:
    """The paths of the defaults, down to what the schema leaves to Kubernetes."""
    found = []
    for name, value in values.items():
        where = f"{path}{name}"
        if isinstance(value, dict) and where in OBJECTS:
            found += given(value, f"{where}.")
        else:
            found.append(where)
    return found


def _objects(schema: dict[str, Any], path: str = "") -> set[str]:
    found = set()
    for name, part in schema["properties"].items():
        where = f"{path}{name}"
        if "properties" in part and where not in FREE:
            found |= {where} | _objects(part, f"{where}.")
    return found


OBJECTS = _objects(SCHEMA)


def test_every_value_is_described() -> None:
    """helm-docs makes the README of the comments before the values."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    leaves = {path.rpartition(".")[2] for path in given(VALUES)}
    for number, line in enumerate(lines):
        name = line.strip().partition(":")[0]
        if name in leaves and not line.strip().startswith(("#", "-")) and _is_value(line, VALUES):
            before = number - 1
            while lines[before].strip().startswith("#") and "# -- " not in lines[before]:
                before -= 1
            assert "# -- " in lines[before], line


def _is_value(line: str, values: dict[str, Any]) -> bool:
    """Whether a line begins a value of its own, not a field inside one."""
    depth = (len(line) - len(line.lstrip())) // 2
    name = line.strip().partition(":")[0]
    return any(
        path.count(".") == depth and path.rpartition(".")[2] == name for path in given(values)
    )
