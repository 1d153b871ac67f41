"""The rights of the shipped actions as the role that a namespace grants to its runner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.actions.action import Action

ROLE = "automation-runner"
_HEAD = f"""\
# The permissions of the shipped actions on the Kubernetes API; comments name the actions that need
# a verb. Nothing binds this role by default: each namespace grants it to its own workflows, see
# manifests/namespace. `make generate` writes this file.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {ROLE}
rules:
"""


def render(actions: Iterable[Action[Any, Any]]) -> str:
    """The ClusterRole with exactly the rights of these actions."""
    needs: dict[tuple[str, str], dict[str, set[str]]] = {}
    for action in actions:
        for right in action.rights:
            names = (right.resource.plural, right.subresource)
            resource = right.resource.group, "/".join(name for name in names if name)
            for verb in right.verbs:
                needs.setdefault(resource, {}).setdefault(verb, set()).add(action.name)
    return _HEAD + "".join(_rule(*resource, verbs) for resource, verbs in sorted(needs.items()))


def _rule(group: str, resource: str, verbs: dict[str, set[str]]) -> str:
    needed = "".join(
        f"  # {verb}: {', '.join(sorted(names))}\n" for verb, names in sorted(verbs.items())
    )
    quoted = group or '""'
    return (
        f"{needed}  - apiGroups: [{quoted}]\n"
        f"    resources: [{resource}]\n"
        f"    verbs: [{', '.join(sorted(verbs))}]\n"
    )
