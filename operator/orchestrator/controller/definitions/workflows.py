"""Workflows: judged when they change, and when a Template that they use comes, changes or goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.lifecycle.admission import actions_of, workflows_of
from orchestrator.engine.status.definitions import Verdict, definition_conditions, judge_workflow
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.validation.missing import LOCAL, Known


class Workflows:
    """Says what the status of a Workflow should be."""

    def __init__(
        self, workflows: Cache, templates: Cache, cluster_templates: Cache, runner_image: str
    ) -> None:
        self._workflows = workflows
        self._templates = templates
        self._cluster_templates = cluster_templates
        self._runner_image = runner_image
        self._judged: dict[Key, tuple[object, Verdict]] = {}

    def __len__(self) -> int:
        """How many verdicts are kept: one for each Workflow that there is, at most."""
        return len(self._judged)

    def status(self, raw: Raw, now: float) -> dict[str, Any]:
        """observedGeneration and conditions of this Workflow, with the Templates as they are."""
        generation = raw["metadata"]["generation"]
        verdict = self._verdict(raw)
        old = (raw.get("status") or {}).get("conditions") or []
        return {
            "observedGeneration": generation,
            "conditions": definition_conditions(verdict, generation, now, old),
        }

    def users_of(self, template: Raw) -> list[Key]:
        """The Workflows whose nodes name this Template or ClusterTemplate."""
        namespace, name = key_of(template)
        action = f"local/{name}" if namespace else name
        return [
            key_of(raw)
            for raw in self._workflows
            if (namespace is None or raw["metadata"]["namespace"] == namespace)
            and action in actions_of(raw.get("spec") or {})
        ]

    def parents_of(self, workflow: Raw) -> list[Key]:
        """The Workflows that name this one as a sub-workflow."""
        namespace, name = key_of(workflow)
        return [
            key_of(raw)
            for raw in self._workflows
            if raw["metadata"]["namespace"] == namespace
            and name in workflows_of(raw.get("spec") or {})
        ]

    def forget(self, key: Key) -> None:
        """The Workflow is gone."""
        self._judged.pop(key, None)

    def _verdict(self, raw: Raw) -> Verdict:
        """Judging a large graph takes a while, and metrics are written often: once per content."""
        key, spec = key_of(raw), raw.get("spec") or {}
        workflows = self._reached(key[0], spec)
        used = [spec, *(child.get("spec") or {} for child in workflows.values() if child)]
        actions = dict.fromkeys(action for each in used for action in actions_of(each))
        templates = {action: self._template(key[0], action) for action in actions}
        content = (
            _version(raw),
            tuple((action, _version(template)) for action, template in templates.items()),
            tuple((name, _version(child)) for name, child in workflows.items()),
        )
        judged = self._judged.get(key)
        if judged is not None and judged[0] == content:
            return judged[1]
        specs = {action: item and item.get("spec") for action, item in templates.items()}
        children = {name: item and item.get("spec") for name, item in workflows.items()}
        complete = None not in (*specs.values(), *children.values())
        known = Known() if complete else self._known(key[0])
        verdict = judge_workflow(key[1], spec, specs, self._runner_image, children, known)
        self._judged[key] = content, verdict
        if self._workflows.get(*key) is None:  # forgotten while a thread judged it
            self.forget(key)
        return verdict

    def _known(self, namespace: str | None) -> Known:
        """The names of the namespace and the cluster, for messages about those that are missing."""
        local = (key_of(raw) for raw in self._templates)
        workflows = (key_of(raw) for raw in self._workflows)
        actions = [name for _, name in map(key_of, self._cluster_templates)]
        actions += [f"{LOCAL}{name}" for where, name in local if where == namespace]
        return Known(actions, [name for where, name in workflows if where == namespace])

    def _reached(self, namespace: str | None, spec: Mapping[str, Any]) -> dict[str, Raw | None]:
        """The Workflows that can be reached from one as sub-workflows."""
        found: dict[str, Raw | None] = {}
        waiting = workflows_of(spec)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = child = self._workflows.get(namespace, name)
                waiting += workflows_of((child or {}).get("spec") or {})
        return found

    def _template(self, namespace: str | None, action: str) -> Raw | None:
        prefix, _, name = action.rpartition("/")
        if prefix:
            return self._templates.get(namespace, name) if prefix == "local" else None
        return self._cluster_templates.get(None, name)


def _version(raw: Raw | None) -> tuple[str, int] | None:
    return None if raw is None else (raw["metadata"]["uid"], raw["metadata"]["generation"])
