"""`grant`: the least rights that actions need, as manifests for `kubectl apply -f -`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.linting import connect_if_possible
from orchestrator.cli.terminal import say
from orchestrator.formats.yaml_dumper import to_yaml
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.base import API_VERSION, is_object_name
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.template import Scope, TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.operations.grant import Grant, granted
from orchestrator.session.checking import shipped_templates
from orchestrator.session.errors import UnreachableError, UsageError
from orchestrator.session.manifests import Document, read_documents
from orchestrator.session.references import References
from orchestrator.validation.missing import (
    LOCAL,
    path_of_action,
    path_of_workflow,
    unknown_action,
    unknown_workflow,
)
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem

DEFAULT_ACCOUNT = "automation-runner"
"""The account of actions whose Template declares rights and names none."""
_NAMESPACE = "namespace"
"""The parameter by which an action works on another namespace."""


@dataclass(frozen=True)
class GrantOptions:
    """The options of `grant`."""

    actions: tuple[str, ...]
    files: tuple[str, ...]
    account: str | None
    targets: tuple[str, ...]
    offline: bool


def print_grants(target: Target, options: GrantOptions) -> int:
    """Print the manifests; what they do not cover is reported as a warning.

    Raises UsageError for what is unknown or invalid.
    """
    documents = _documents(options)
    cluster, _ = connect_if_possible(target, offline=options.offline)
    try:
        found = _read(target, documents, cluster, options)
    except UnreachableError as error:
        if target.kubeconfig or target.context:
            raise
        say(f"warning: the actions are those of this release: {error}", file=sys.stderr)
        found = _read(target, documents, None, options)
    if found.problems:
        raise UsageError("\n".join(dict.fromkeys(found.problems)))
    for warning in dict.fromkeys(found.warnings):
        say(f"warning: {warning}", file=sys.stderr)
    manifests = granted(found.namespace, found.grants.values())
    if not manifests:
        say(
            "none of the actions uses the Kubernetes API: there is nothing to grant",
            file=sys.stderr,
        )
    for manifest in manifests:
        say(f"---\n{to_yaml(manifest)}", end="")
    return 0


def _documents(options: GrantOptions) -> list[Document]:
    """The manifests of the files, and a Workflow of the actions that were named.

    Raises UsageError when there is no action in it.
    """
    given = [("--target-namespace", name) for name in options.targets]
    for option, name in (("--service-account", options.account), *given):
        if name is not None and not is_object_name(name):
            raise UsageError(f"{option} {name}: is not the name of an object")
    documents, problems = read_documents(list(options.files))
    if problems:
        raise UsageError("\n".join(problems))
    if options.files and not any(one.resource is WORKFLOWS for one in documents):
        raise UsageError(f"{', '.join(options.files)}: no Workflow found")
    if options.actions:
        documents.append(_workflow_of(options.actions))
    if not documents:
        raise UsageError("name actions, or a file with a Workflow: -f FILE")
    return documents


def _workflow_of(actions: Sequence[str]) -> Document:
    nodes = [{"name": f"n{number}", "action": name} for number, name in enumerate(actions)]
    raw = {
        "apiVersion": API_VERSION,
        "kind": WORKFLOWS.kind,
        "metadata": {"name": "(actions)"},
        "spec": {"nodes": nodes},
    }
    return Document("", raw, WORKFLOWS)


@dataclass
class _Found:
    """What the workflows need."""

    namespace: str
    grants: dict[tuple[str, str], Grant] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _read(
    target: Target, documents: Sequence[Document], cluster: Cluster | None, options: GrantOptions
) -> _Found:
    namespace = _namespace(target, documents, cluster)
    found = _Found(namespace)
    in_place = cluster.within(namespace) if cluster else None
    reader = _Reader(References(documents, in_place), options, found)
    for document in documents:
        if document.resource is WORKFLOWS:
            reader.read(document)
    return found


def _namespace(target: Target, documents: Sequence[Document], cluster: Cluster | None) -> str:
    """Where the workflows run. Raises UsageError for several namespaces."""
    own = {one.namespace for one in documents if one.resource is WORKFLOWS and one.namespace}
    given = target.namespace
    if given and own - {given}:
        raise UsageError(
            f"metadata.namespace: is {', '.join(own - {given})}, but -n {given} was given"
        )
    if len(own) > 1:
        names = ", ".join(sorted(own))
        raise UsageError(f"the Workflows are of several namespaces ({names}): grant one at a time")
    return given or next(iter(own), None) or (cluster.namespace if cluster else "default")


class _Reader:
    """Follows workflows to their actions, sub-workflows included."""

    def __init__(self, references: References, options: GrantOptions, found: _Found) -> None:
        self._references = references
        self._options = options
        self._found = found
        self._shipped = shipped_templates()
        self._visited: set[str] = set()

    def read(self, document: Document) -> None:
        """Add what the actions of a Workflow need."""
        if document.name not in self._visited:
            self._visited.add(document.name)
            self._workflow(document, document.raw.get("spec") or {})

    def _workflow(self, document: Document, raw: Mapping[str, Any]) -> None:
        spec = parse(WorkflowSpec, raw)
        if isinstance(spec, list):
            self._found.problems += [_said(document, problem) for problem in spec]
            return
        listed, complete = self._references.templates(document, spec)
        templates = listed if complete else {**self._shipped, **listed}
        for node in spec.nodes:
            if node.action is None:
                continue
            template = templates.get(node.action)
            if template is None:
                problem = self._unknown(node.action, templates, complete=complete)
                self._problem(document, path_of_action(raw, node.action), problem)
            elif template.workflow is not None:
                self._workflow(document, _as_written(template.workflow))
            else:
                self._action(document, node.action, template, node.with_ or {})
        self._sub_workflows(document, spec, raw)

    def _sub_workflows(
        self, document: Document, spec: WorkflowSpec, raw: Mapping[str, Any]
    ) -> None:
        named = dict.fromkeys(node.workflow.name for node in spec.nodes if node.workflow)
        if not named:
            return
        known, listed = self._references.workflows(document, spec)
        for name in named:
            if name in self._visited:
                continue
            self._visited.add(name)
            if name in known:
                child = replace(document, raw=_renamed(document, name))
                self._workflow(child, _as_written(known[name]))
                continue
            words = f"sub-workflow {name!r} is unknown; give its file with -f"
            if listed is not None:
                words = unknown_workflow(name, listed)
            self._problem(document, path_of_workflow(raw, name), words)

    @staticmethod
    def _unknown(action: str, known: Mapping[str, Any], *, complete: bool) -> str:
        if complete:
            return unknown_action(action, known)
        if action.startswith(LOCAL):
            return f"{action!r} is unknown; give the file of its Template with -f, or use a cluster"
        return f"this release ships no action {action!r}{did_you_mean(action, known)}"

    def _action(
        self, document: Document, action: str, template: TemplateSpec, given: Mapping[str, Any]
    ) -> None:
        named = template.action.service_account_name if template.action else None
        if not template.rights:
            if named is not None:
                self._warn(
                    f"the Template of {action} runs as {named} and declares no rights in"
                    " spec.rights: nothing is granted for it"
                )
            return
        account = self._options.account or named or DEFAULT_ACCOUNT
        if named is None:
            self._warn(
                f"the Template of {action} names no account in spec.action.serviceAccountName:"
                " its pods have no access to the API server"
            )
        elif named != account:
            self._warn(
                f"the Template of {action} runs as {named}, not as {account}: name the account in"
                " spec.action.serviceAccountName of a Template of your own"
            )
        namespaces = frozenset(self._targets(document, action, template, given))
        key = account, action
        earlier = self._found.grants.get(key)
        if earlier is not None:
            namespaces |= earlier.namespaces
        self._found.grants[key] = Grant(action, account, template.rights, namespaces)

    def _targets(
        self, document: Document, action: str, template: TemplateSpec, given: Mapping[str, Any]
    ) -> Iterator[str]:
        """The namespaces that the action works on, as far as they are known."""
        if self._options.targets:
            yield from self._options.targets
            return
        declared = {parameter.name for parameter in template.parameters}
        wanted = given.get(_NAMESPACE) if _NAMESPACE in declared else None
        if wanted in (None, ""):
            yield self._found.namespace
        elif is_object_name(wanted):
            yield str(wanted)
        elif any(right.scope is Scope.NAMESPACED for right in template.rights):
            yield self._found.namespace
            self._warn(
                _said(
                    document,
                    f"the namespace of {action} is {wanted}, which is known when it runs: it is"
                    " granted in its own namespace; name others with --target-namespace",
                )
            )

    def _problem(self, document: Document, path: str, words: str) -> None:
        place = Problem(path, words) if document.where else words
        self._found.problems.append(_said(document, place))

    def _warn(self, words: str) -> None:
        self._found.warnings.append(words)


def _said(document: Document, words: object) -> str:
    """With where it stands, unless it is of an action that was named."""
    return document.says(words) if document.where else str(words)


def _as_written(spec: WorkflowSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _renamed(document: Document, name: str) -> dict[str, Any]:
    return {**document.raw, "metadata": {**document.raw["metadata"], "name": name}}
