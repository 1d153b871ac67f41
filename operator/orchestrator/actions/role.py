"""Generates ClusterRoles with the rights of the shipped actions, which a namespace binds to its
runner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.actions.action import Action, Family, shown_resource

ROLE = "automation-runner"
"""The role of all routine families; that of a family is `automation-runner-FAMILY`."""
BEGIN, END = "<!-- generated: runner roles -->\n", "<!-- end of what is generated -->\n"
"""The lines around the section that `in_page` generates in the page of roles."""
_HEAD = """\
# The permissions of the shipped actions on the Kubernetes API: a ClusterRole for each family of
# actions, and automation-runner for the families {routine}. Comments name
# the actions that need a verb. Nothing binds these roles by default: each namespace grants to its
# own workflows what they need, see docs/reference/roles.md. `make generate` writes this file.
"""
_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {name}
rules:
"""

_Needs = dict[tuple[str, str], dict[str, dict[str, str]]]
"""The reasons by group and resource, then by verb, then by action."""


def render(actions: Iterable[Action[Any, Any]]) -> str:
    """The ClusterRoles with exactly the rights of these actions."""
    every = tuple(actions)
    families = ((role_of(family), members) for family in Family if (members := _of(family, every)))
    roles = ((ROLE, routine(every)), *families)
    head = _HEAD.format(routine=", ".join(family for family in Family if family.routine))
    return head + "---\n".join(_role(*role) for role in roles)


def routine(actions: Iterable[Action[Any, Any]]) -> tuple[Action[Any, Any], ...]:
    """The actions whose rights the role of all routine families grants."""
    return tuple(action for action in actions if action.family and action.family.routine)


def role_of(family: Family) -> str:
    """The name of the ClusterRole of a family."""
    return f"{ROLE}-{family}"


def in_page(page: str, actions: Iterable[Action[Any, Any]]) -> str:
    """The page of roles, with the families and the reason for each of their verbs.

    Raises ValueError if the page does not contain BEGIN and END.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page of roles has no lines {BEGIN.strip()} and {END.strip()}")
    every = tuple(actions)
    tables = "".join(_table(family, every) for family in Family)
    return f"{before}{begin}{_families(every)}{tables}\n{end}{after}"


def _of(family: Family, actions: Iterable[Action[Any, Any]]) -> Sequence[Action[Any, Any]]:
    return [action for action in actions if action.family is family]


def _role(name: str, actions: Iterable[Action[Any, Any]]) -> str:
    rules = (_rule(*resource, verbs) for resource, verbs in sorted(_needs(actions).items()))
    return _ROLE.format(name=name) + "".join(rules)


def _needs(actions: Iterable[Action[Any, Any]]) -> _Needs:
    needs: _Needs = {}
    for action in actions:
        for right in action.rights:
            verbs = needs.setdefault((right.resource.group, right.path), {})
            for verb, reason in right.reasons.items():
                verbs.setdefault(verb, {})[action.name] = reason
    return needs


def _rule(group: str, resource: str, verbs: dict[str, dict[str, str]]) -> str:
    needed = "".join(
        f"  # {verb}: {', '.join(sorted(reasons))}\n" for verb, reasons in sorted(verbs.items())
    )
    quoted = group or '""'
    return (
        f"{needed}  - apiGroups: [{quoted}]\n"
        f"    resources: [{resource}]\n"
        f"    verbs: [{', '.join(sorted(verbs))}]\n"
    )


def _families(actions: Sequence[Action[Any, Any]]) -> str:
    lines = ["", "| Role | Actions |", "|---|---|"]
    for family in Family:
        names = ", ".join(_link(action.name) for action in _of(family, actions))
        lines.append(f"| `{role_of(family)}` | {names} |")
    included = ", ".join(f"`{role_of(family)}`" for family in Family if family.routine)
    lines.append(f"| `{ROLE}` | those of {included} |")
    return "\n".join(lines) + "\n"


def _table(family: Family, actions: Sequence[Action[Any, Any]]) -> str:
    lines = ["", f"### {role_of(family)}", "", "| Verb | Resource | Needed to |", "|---|---|---|"]
    for (group, path), verbs in sorted(_needs(_of(family, actions)).items()):
        resource = shown_resource(group, path)
        for verb, reasons in sorted(verbs.items()):
            words = "; ".join(f"{_link(name)}: {reason}" for name, reason in reasons.items())
            lines.append(f"| `{verb}` | `{resource}` | {words} |")
    return "\n".join(lines) + "\n"


def _link(action: str) -> str:
    return f"[{action}](actions.md#{action})"
