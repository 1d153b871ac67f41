"""Runs actions as their containers do, against servers outside a cluster."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestrator.actions.main import run
from tests import leaks
from tests.action_coverage import record_action
from tests.kube import ROOT
from tests.runner import Ended, context


@dataclass(frozen=True)
class ActionRun:
    """Runs actions with these parameters in addition to their own."""

    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are secret, which a container gets in variables of their own."""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, action: str, /, attempt: int = 1, **parameters: Any) -> Ended:
        """Run an action; a parameter that is None is left out."""
        outputs = self.folder / "outputs"
        merged = {**self.parameters, **parameters}
        environ = {
            "PATH": os.environ["PATH"],
            "WORKSPACE": str(self.folder / "workspace"),
            "PARAMS": json.dumps({key: each for key, each in merged.items() if each is not None}),
            "OUTPUTS": str(outputs),
            "CONTEXT": context("shop", "u1", attempt),
            **{f"PARAM_{name.upper()}": secret for name, secret in self.secrets.items()},
        }
        (self.folder / "workspace").mkdir(exist_ok=True)
        code = run(action, environ)
        text = outputs.read_text()
        leaks.refuse(f"the termination message of {action}", text)
        return Ended(code, json.loads(text) if code == 0 else {}, "" if code == 0 else text)


@dataclass(frozen=True)
class ScriptRun:
    """Runs the script of a Template that is YAML alone, with its parameters as its container has
    them."""

    folder: Path
    path: str
    """Of the programs that its image has."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    workspace: bool = True
    """Whether the Workflow has one."""

    def __call__(self, action: str, /, **parameters: Any) -> Ended:
        """Run it; a parameter that is None is left out."""
        code = self.start(action, **parameters).wait()
        text = self._outputs.read_text() if self._outputs.exists() else ""
        leaks.refuse(f"the termination message of {action}", text)
        if code != 0:
            return Ended(code, {}, text)
        record_action(action)
        return Ended(0, json.loads(text), "")

    def start(self, action: str, /, **parameters: Any) -> subprocess.Popen[bytes]:
        """Start it, as its container is started."""
        path = ROOT / f"manifests/catalog/actions/{action}.yaml"
        spec = yaml.safe_load(path.read_text())["spec"]
        declared = {each["name"]: each.get("default") for each in spec["parameters"]}
        values = {**declared, **self.parameters, **parameters}
        assert values.keys() <= declared.keys(), values.keys() - declared.keys()
        script = spec["action"]["script"]
        self._outputs.unlink(missing_ok=True)
        (self.folder / "workspace").mkdir(exist_ok=True)
        environ = {
            "PATH": self.path,
            "HOME": str(self.folder),
            **({"WORKSPACE": str(self.folder / "workspace")} if self.workspace else {}),
            "OUTPUTS": str(self._outputs),
            "CONTEXT": context("shop", "u1"),
            "PARAMS": json.dumps({name: each for name, each in values.items() if each is not None}),
            **{f"PARAM_{name.upper()}": text for name, text in self.secrets.items()},
        }
        for name, value in values.items():
            if value is not None:
                text = value if isinstance(value, str) else json.dumps(value)
                environ[f"PARAM_{name.upper()}"] = text
        command = [script["interpreter"], "-c", script["source"]]
        return subprocess.Popen(command, env=environ, cwd=self.folder)

    @property
    def _outputs(self) -> Path:
        return self.folder / "outputs"
