"""Creates, replaces and changes the objects that people write, each checked before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import Resource
from orchestrator.lint import Findings
from orchestrator.session.checking import check_document
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ConflictError, ManifestError, UsageError
from orchestrator.session.long_work import long_work
from orchestrator.session.manifests import Document
from orchestrator.session.references import References
from orchestrator.validation.problem import Problem

_ATTEMPTS = 5
"""Attempts to change an object while others write it."""


def findings(cluster: Cluster, kind: Resource, manifest: Raw) -> Findings:
    """The findings in a manifest, against what is on the cluster now. Raises BusyError."""
    document = Document("", manifest, kind)
    with long_work(cluster, manifest.get("spec")):
        return check_document(document, References([document], cluster))


def check(cluster: Cluster, kind: Resource, manifest: Raw) -> list[Problem]:
    """The warnings about a manifest. Raises ManifestError with everything that is wrong."""
    found = findings(cluster, kind, manifest)
    if found.problems:
        raise ManifestError(found.problems)
    return list(found.warnings)


def change(
    cluster: Cluster,
    kind: Resource,
    found: Raw,
    changed: Callable[[Raw], Raw],
    *,
    manager: str,
    version: str = "",
) -> Raw:
    """Change an object as `changed` says, and return it as stored.

    With a `version`, the object must still have it; otherwise the change is made again if others
    write at the same time. Raises ManifestError, ConflictError and UsageError.
    """
    for _ in range(_ATTEMPTS):
        wanted = changed(found)
        check(cluster, kind, wanted)
        try:
            return cluster.update(kind, prepared(wanted, found), {"fieldManager": manager})
        except UsageError as error:
            if version or not is_conflict(error):
                raise
            found = cluster.get(kind, found["metadata"]["name"])
    raise ConflictError("the object kept changing; try again")


def prepared(wanted: Raw, found: Raw) -> Raw:
    """The object to send in place of another: its identity, version and owners are kept."""
    given: Mapping[str, Any] = wanted["metadata"]
    kept = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    for field in ("labels", "annotations"):
        kept.pop(field, None)
        if given.get(field):
            kept[field] = given[field]
    return {**found, "metadata": kept, "spec": wanted["spec"]}


def is_conflict(error: UsageError) -> bool:
    """Whether the API server refused a write because the object has changed since."""
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.status == 409 and cause.reason == "Conflict"


def is_taken(error: UsageError) -> bool:
    """Whether the API server refused a creation because the name is taken."""
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.reason == "AlreadyExists"
