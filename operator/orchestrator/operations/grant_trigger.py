"""`trigger grant`: what lets the receiver read the Secrets of a Trigger, as manifests."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.engine.people.protection import INSTALLATION
from orchestrator.operations.grant import PART_OF, RBAC, Manifest
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Listener, Requests

RECEIVER = f"{INSTALLATION}/{INSTALLATION}-receiver"
"""Namespace and name of the receiver's service account in an installation of the manifests."""


def secrets_of(trigger: Trigger) -> list[str]:
    """The names of the Secrets that the receiver reads for a Trigger."""
    source = trigger.type.source
    if not isinstance(source, Requests | Listener):
        return []
    return sorted({key.name for key in source.secrets(trigger.settings)})


def granted_to_receiver(
    namespace: str, name: str, secrets: Sequence[str], receiver: str = RECEIVER
) -> list[Manifest]:
    """The Role that names the Secrets of a Trigger, and its binding to the receiver's account.

    Each Trigger has a role of its own, so that a later grant of others takes none away.
    """
    account_namespace, _, account = receiver.partition("/")
    metadata = {"name": f"receiver:{name}", "namespace": namespace, "labels": dict(PART_OF)}
    rule = {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": list(secrets),
        "verbs": ["get"],
    }
    subject = {"kind": "ServiceAccount", "name": account, "namespace": account_namespace}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": metadata["name"]},
            "subjects": [subject],
        },
    ]
