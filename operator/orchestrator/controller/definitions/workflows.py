"""The status of Workflows, computed when a Workflow changes, and when a Template that it uses is
created, changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.lifecycle.admission import actions_of, workflows_of
from orchestrator.engine.status.definitions import Verdict, definition_conditions, judge_workflow
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.validation.missing import LOCAL, Known


class Workflows:
    """Computes the status of Workflows, and keeps each verdict until what it depends on changes."""

    def __init__(
        self, workflows: Cache, templates: Cache, cluster_templates: Cache, runner_image: str
    ) -> None:
        self._workflows = workflows
        self._templates = templates
        self._cluster_templates = cluster_templates
        self._runner_image = runner_image
        self._verdicts: dict[Key, tuple[object, Verdict]] = {}

    def __len__(self) -> int:
        """Number of cached verdicts: at most one for each Workflow that exists."""
        return len(self._verdicts)

    def status(self, raw: Raw, now: float) -> dict[str, Any]:
        """observedGeneration and conditions of a Workflow, based on the cached Templates."""
        generation = raw["metadata"]["generation"]
        verdict = self._verdict(raw)
        old = (raw.get("status") or {}).get("conditions") or []
        return {
            "observedGeneration": generation,
            "conditions": definition_conditions(verdict, generation, now, old),
        }

    def users_of(self, template: Raw) -> list[Key]:
        """The Workflows with a node that uses this Template or ClusterTemplate."""
        namespace, name = key_of(template)
        action = f"local/{name}" if namespace else name
        return [
            key_of(raw)
            for raw in self._workflows
            if (namespace is None or raw["metadata"]["namespace"] == namespace)
            and action in actions_of(raw.get("spec") or {})
        ]

    def parents_of(self, workflow: Raw) -> list[Key]:
        """The Workflows that use this one as a sub-workflow."""
        namespace, name = key_of(workflow)
        return [
            key_of(raw)
            for raw in self._workflows
            if raw["metadata"]["namespace"] == namespace
            and name in workflows_of(raw.get("spec") or {})
        ]

    def forget(self, key: Key) -> None:
        """Drop the verdict on a deleted Workflow."""
        self._verdicts.pop(key, None)

    def _verdict(self, raw: Raw) -> Verdict:
        """The verdict, cached by content: validating a large graph takes a while, and each write of
        the metrics is a change of the Workflow."""
        key, spec = key_of(raw), raw.get("spec") or {}
        workflows = self._sub_workflows(key[0], spec)
        used = [spec, *(child.get("spec") or {} for child in workflows.values() if child)]
        actions = dict.fromkeys(action for each in used for action in actions_of(each))
        templates = {action: self._template(key[0], action) for action in actions}
        content = (
            _version(raw),
            tuple((action, _version(template)) for action, template in templates.items()),
            tuple((name, _version(child)) for name, child in workflows.items()),
        )
        cached = self._verdicts.get(key)
        if cached is not None and cached[0] == content:
            return cached[1]
        specs = {action: item and item.get("spec") for action, item in templates.items()}
        children = {name: item and item.get("spec") for name, item in workflows.items()}
        complete = None not in (*specs.values(), *children.values())
        known = Known() if complete else self._known(key[0])
        verdict = judge_workflow(key[1], spec, specs, self._runner_image, children, known)
        self._verdicts[key] = content, verdict
        if self._workflows.get(*key) is None:  # deleted while a thread validated it
            self.forget(key)
        return verdict

    def _known(self, namespace: str | None) -> Known:
        """Existing names in the namespace and the cluster, for messages about missing ones."""
        local = (key_of(raw) for raw in self._templates)
        workflows = (key_of(raw) for raw in self._workflows)
        actions = [name for _, name in map(key_of, self._cluster_templates)]
        actions += [f"{LOCAL}{name}" for where, name in local if where == namespace]
        return Known(actions, [name for where, name in workflows if where == namespace])

    def _sub_workflows(
        self, namespace: str | None, spec: Mapping[str, Any]
    ) -> dict[str, Raw | None]:
        """The direct and indirect sub-workflows of a Workflow; None for one that does not exist."""
        reachable: dict[str, Raw | None] = {}
        names = workflows_of(spec)
        while names:
            name = names.pop(0)
            if name not in reachable:
                reachable[name] = child = self._workflows.get(namespace, name)
                names += workflows_of((child or {}).get("spec") or {})
        return reachable

    def _template(self, namespace: str | None, action: str) -> Raw | None:
        prefix, _, name = action.rpartition("/")
        if prefix:
            return self._templates.get(namespace, name) if prefix == "local" else None
        return self._cluster_templates.get(None, name)


def _version(raw: Raw | None) -> tuple[str, int] | None:
    return None if raw is None else (raw["metadata"]["uid"], raw["metadata"]["generation"])
