"""The objects that a manifest can refer to, from the caches and from live reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.kube.cache import Cache, Raw
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.missing import LOCAL
from orchestrator.validation.parse import parse

KEPT = 512
"""Maximum number of parsed Templates that are kept."""


class UnreadableTemplateError(Exception):
    """A Template that this release cannot read: objects that use it cannot be reviewed."""


class Parsed:
    """Templates by content, parsed once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], TemplateSpec | None] = OrderedDict()

    def spec(self, raw: Raw) -> TemplateSpec:
        """The spec of a Template. Raises UnreadableTemplateError."""
        key = (raw["metadata"]["uid"], raw["metadata"]["generation"])
        if key in self._known:
            spec = self._known[key]
        else:
            found = parse(TemplateSpec, raw.get("spec") or {})
            spec = self._known[key] = found if isinstance(found, TemplateSpec) else None
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        if spec is None:
            raise UnreadableTemplateError
        return spec


@dataclass(frozen=True, slots=True)
class Live:
    """Objects that were read live, None if they do not exist."""

    templates: dict[str, Raw | None] = field(default_factory=dict)
    """By action."""
    workflows: dict[str, Raw | None] = field(default_factory=dict)
    """By name."""


class KnownTemplates(Mapping[str, TemplateSpec]):
    """By action, as nodes name them: `x` for a ClusterTemplate, `local/x` for a Template.

    Each is parsed when it is used.
    """

    def __init__(
        self,
        templates: Cache,
        cluster_templates: Cache,
        namespace: str | None,
        live: Mapping[str, Raw | None],
        parsed: Parsed,
    ) -> None:
        """`live` takes precedence."""
        self._templates = templates
        self._cluster_templates = cluster_templates
        self._namespace = namespace
        self._live = live
        self._parsed = parsed

    def __getitem__(self, action: str) -> TemplateSpec:
        raw = self._raw(action)
        if raw is None:
            raise KeyError(action)
        return self._parsed.spec(raw)

    def __contains__(self, action: object) -> bool:
        return isinstance(action, str) and self._raw(action) is not None

    def __iter__(self) -> Iterator[str]:
        shared = {name for _, name in self._cluster_templates.known()}
        known = self._templates.known()
        own = {LOCAL + name for namespace, name in known if namespace == self._namespace}
        for action, raw in self._live.items():
            names = own if action.startswith(LOCAL) else shared
            (names.discard if raw is None else names.add)(action)
        return iter(sorted(shared) + sorted(own))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _raw(self, action: str) -> Raw | None:
        if action in self._live:
            return self._live[action]
        prefix, _, name = action.rpartition("/")
        if prefix:
            known = self._templates.get(self._namespace, name)
            return known if f"{prefix}/" == LOCAL else None
        return self._cluster_templates.get(None, name)


class CachedReferences:
    """The Templates and Workflows that a manifest can refer to: cached ones, and live reads."""

    def __init__(
        self,
        templates: KnownTemplates,
        workflows: Cache,
        namespace: str | None,
        live: Mapping[str, Raw | None],
    ) -> None:
        """`live` are Workflows; they take precedence over the cached ones."""
        self._templates = templates
        self._workflows = workflows
        self._namespace = namespace
        self._live = live

    def templates(self, spec: WorkflowSpec) -> tuple[Mapping[str, TemplateSpec], bool]:
        """None if a Template that the workflow uses cannot be read."""
        try:
            for action in {node.action for node in spec.nodes if node.action is not None}:
                self._templates.get(action)
        except UnreadableTemplateError:
            return {}, False
        return self._templates, True

    def workflows(
        self, spec: WorkflowSpec
    ) -> tuple[Mapping[str, WorkflowSpec], Collection[str] | None]:
        """The Workflows that this release can read, and the names of all."""
        named = {node.workflow.name for node in spec.nodes if node.workflow}
        parsed = {
            name: parse(WorkflowSpec, raw.get("spec") or {})
            for name in named
            if (raw := self.workflow(name)) is not None
        }
        known = {name: child for name, child in parsed.items() if isinstance(child, WorkflowSpec)}
        return known, self.names()

    def workflow(self, name: str) -> Raw | None:
        """One Workflow."""
        if name in self._live:
            return self._live[name]
        return self._workflows.get(self._namespace, name)

    def started(self, name: str) -> Mapping[str, Any] | None:
        """The spec of the Workflow that a Trigger starts."""
        raw = self.workflow(name)
        return None if raw is None else raw.get("spec") or {}

    def names(self) -> Collection[str]:
        """All known names; a name in a manifest that is missing here was read live."""
        known = {name for where, name in self._workflows.known() if where == self._namespace}
        for name, raw in self._live.items():
            (known.discard if raw is None else known.add)(name)
        return sorted(known)

    def near(self, name: str) -> str:  # noqa: ARG002 - all names are known, so nothing is guessed
        """Nothing: one manifest is reviewed at a time."""
        return ""
