"""What is generated for Argo CD, and the program that asks it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from dev.gitops import CONFIGURATION, LUA, ROOT, SOURCES, configuration
from orchestrator.kube.resources import KINDS

_MODULE = re.compile(r"^\t?(?:require )?(\S+) (v\S+)(?: // indirect)?$", re.MULTILINE)
_REPLACED = re.compile(r"^\t?(?:replace )?(\S+) => (\S+) (v\S+)$", re.MULTILINE)


def versions(folder: Path) -> dict[str, str]:
    """The version of each module, with replacements."""
    text = (folder / "go.mod").read_text()
    replaced = {name: version for name, _, version in _REPLACED.findall(text)}
    return dict(_MODULE.findall(text)) | replaced


def test_the_configuration_is_generated_from_the_scripts() -> None:
    assert CONFIGURATION.read_text(encoding="utf-8") == configuration()


def test_every_script_is_in_the_configuration() -> None:
    text = re.sub(r"^ +", "", CONFIGURATION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for script in LUA.rglob("*.lua"):
        lines = [line.strip() for line in script.read_text(encoding="utf-8").splitlines()]
        assert "\n".join(lines) in text, script


def test_every_kind_has_a_health_check() -> None:
    data = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["data"]
    prefix = "resource.customizations.health.automation.itechsmart.dev_"
    kinds = {key.removeprefix(prefix) for key in data if key.startswith(prefix)}
    assert kinds == {kind.kind for kind in KINDS}


def test_the_program_is_built_from_modules_of_the_control_plane() -> None:
    """Otherwise, the compiler would build Kubernetes' packages twice."""
    mine, cluster = versions(SOURCES), versions(ROOT / "dev/cluster/controlplane")
    both = mine.keys() & cluster.keys()
    assert len(both) > 100
    assert {name: mine[name] for name in both} == {name: cluster[name] for name in both}
