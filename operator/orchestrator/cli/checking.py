"""What can be known of manifests before they are applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.cli.connection import Cluster
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.kinds import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS
from orchestrator.cli.manifests import Document, Metadata
from orchestrator.models.crd import KINDS as DEFINITIONS
from orchestrator.models.template import TemplateSpec
from orchestrator.models.trigger import TriggerSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.naming import workflow_name
from orchestrator.validation.parse import parse
from orchestrator.validation.supported import unsupported_template
from orchestrator.validation.template import validate_template
from orchestrator.validation.trigger import validate_trigger
from orchestrator.validation.workflow import validate_workflow

LOCAL = "local/"


def check_documents(documents: Sequence[Document], cluster: Cluster | None) -> list[str]:
    """What is wrong, by the operator's own rules.

    A workflow's actions may stand beside it or on the cluster. Without a cluster, what depends on
    actions that stand elsewhere is not judged.
    """
    actions = _Actions(documents, cluster)
    return [
        document.says(problem) for document in documents for problem in _problems(document, actions)
    ]


class _Actions:
    """The Templates that workflows can use: those beside them, and those on the cluster."""

    def __init__(self, documents: Sequence[Document], cluster: Cluster | None) -> None:
        self._cluster = cluster
        self._default = cluster.namespace if cluster else None
        self._beside: dict[tuple[str | None, str], TemplateSpec] = {}
        self._listed: dict[str | None, dict[str, TemplateSpec] | None] = {}
        for document in documents:
            if document.kind in (TEMPLATES, CLUSTER_TEMPLATES):
                spec = parse(TemplateSpec, document.raw.get("spec") or {})
                if isinstance(spec, TemplateSpec):
                    self._beside[self._namespace(document), _action(document)] = spec

    def of(self, document: Document, spec: WorkflowSpec) -> Mapping[str, TemplateSpec] | None:
        """By action; None when it cannot be told which there are."""
        namespace = self._namespace(document)
        beside = {
            action: template
            for (where, action), template in self._beside.items()
            if where in (None, namespace)
        }
        if all(node.action in beside for node in spec.nodes if node.action):
            return beside
        if namespace not in self._listed:
            self._listed[namespace] = self._on_cluster(namespace)
        listed = self._listed[namespace]
        return None if listed is None else {**listed, **beside}

    def _namespace(self, document: Document) -> str | None:
        return document.namespace or self._default if document.kind.namespaced else None

    def _on_cluster(self, namespace: str | None) -> dict[str, TemplateSpec] | None:
        if self._cluster is None:
            return None
        found: dict[str, TemplateSpec] = {}
        try:
            for kind, prefix in ((CLUSTER_TEMPLATES, ""), (TEMPLATES, LOCAL)):
                for item in self._cluster.within(namespace).list(kind)["items"]:
                    template = parse(TemplateSpec, item["spec"])
                    if not isinstance(template, TemplateSpec):
                        return None  # newer than we are
                    found[prefix + item["metadata"]["name"]] = template
        except UnreachableError:
            raise
        except UsageError:
            return None  # who may not list Templates leaves it to the operator to judge
        return found


def _action(document: Document) -> str:
    return f"{LOCAL if document.kind is TEMPLATES else ''}{document.name}"


def _problems(document: Document, actions: _Actions) -> Sequence[object]:
    metadata = parse(Metadata, document.raw["metadata"], "metadata")
    if isinstance(metadata, list):
        return metadata
    if document.kind is WORKFLOWS and (problems := workflow_name(document.name)):
        return problems
    raw = document.raw.get("spec") or {}
    model = next(item.spec for item in DEFINITIONS if item.name == document.kind.name)
    match parse(model, raw):
        case list() as problems:
            return problems
        case TemplateSpec() as template:
            return unsupported_template(template) or validate_template(template)
        case TriggerSpec() as trigger:
            return validate_trigger(trigger)
        case WorkflowSpec() as spec:
            templates = actions.of(document, spec)
            return [] if templates is None else validate_workflow(spec, templates)
    return []
