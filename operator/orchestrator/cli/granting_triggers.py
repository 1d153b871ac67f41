"""`trigger grant`: what lets the receiver read the Secrets that Triggers name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.linting import connect_if_possible
from orchestrator.cli.terminal import say
from orchestrator.formats.yaml_dumper import to_yaml
from orchestrator.kube.resources import TRIGGERS
from orchestrator.models.base import is_object_name
from orchestrator.operations.grant_trigger import granted_to_receiver, secrets_of
from orchestrator.operations.trigger import called
from orchestrator.session.errors import UsageError
from orchestrator.session.manifests import read_documents
from orchestrator.session.trigger_starts import read_on_cluster


def print_trigger_grants(
    target: Target, names: Sequence[str], files: Sequence[str], receiver: str
) -> int:
    """Print the manifests. Raises UsageError for what is unknown or invalid."""
    namespace, slash, account = receiver.partition("/")
    if not slash or not is_object_name(namespace) or not is_object_name(account):
        raise UsageError(f"--receiver {receiver}: write NAMESPACE/NAME of its service account")
    if not names and not files:
        raise UsageError("name Triggers, or a file with one: -f FILE")
    for where, trigger in [*_of_files(target, files), *_of_cluster(target, names)]:
        secrets = secrets_of(read_on_cluster(trigger))
        if not secrets:
            say(f"{called(trigger)} needs no Secret: there is nothing to grant", file=sys.stderr)
            continue
        for manifest in granted_to_receiver(where, trigger["metadata"]["name"], secrets, receiver):
            say(f"---\n{to_yaml(manifest)}", end="")
    return 0


def _of_files(target: Target, files: Sequence[str]) -> Iterator[tuple[str, Raw]]:
    """The Triggers of files, each with its namespace."""
    documents, problems = read_documents(list(files))
    if problems:
        raise UsageError("\n".join(problems))
    found = [document for document in documents if document.resource is TRIGGERS]
    if files and not found:
        raise UsageError(f"{', '.join(files)}: no Trigger found")
    if not found:
        return
    default = target.namespace
    if default is None and any(document.namespace is None for document in found):
        cluster, _ = connect_if_possible(target, offline=False)
        default = cluster.namespace if cluster else None
    for document in found:
        yield document.namespace or default or "default", document.raw


def _of_cluster(target: Target, names: Sequence[str]) -> Iterator[tuple[str, Raw]]:
    if not names:
        return
    cluster = target.connect()
    for name in names:
        trigger = cluster.get(TRIGGERS, name)
        yield trigger["metadata"]["namespace"], trigger
