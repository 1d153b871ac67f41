"""Whether the operator uses every right that its roles grant: `python -m dev.rights`.

Each cluster of the tests leaves the rights that the operator used on it in build/rights, by the API
server's audit log. The check compares all of them with the roles of manifests/install.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from dev.cluster.audit import AuditLog

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "rights"
ROLES = ROOT / "manifests" / "install" / "operator-rbac.yaml"
ACCOUNT = "system:serviceaccount:itechsmart-workflow:itechsmart-workflow-operator"
GROUP = "automation.itechsmart.dev"

Right = tuple[str, str, str]
"""API group, resource and verb."""

UNUSED: dict[Right, str] = {
    (GROUP, "workflowexecutions", "trigger"): "asked for by the admission policy, by no request",
    (GROUP, "workflowexecutions", "control"): "asked for by the admission policy, by no request",
    (GROUP, "workflowexecutions/finalizers", "update"): (
        "asked for by the admission plugin OwnerReferencesPermissionEnforcement, which the"
        " development cluster does not enable"
    ),
    (GROUP, "incidents", "get"): "read again after a conflict with a change by others",
    (GROUP, "triggers", "get"): "read for their dedupe window while they are not listed yet",
    ("", "persistentvolumeclaims", "get"): "read where a claim of that name exists already",
    ("apps", "controllerrevisions", "create"): "a server-side apply that creates, logged as patch",
    ("apps", "controllerrevisions", "list"): "unused revisions are looked for every ten minutes",
    ("apps", "controllerrevisions", "delete"): "unused revisions are deleted after an hour",
}
"""Rights that tests need not use, each with the reason why the operator has it."""
MOST_UNUSED = 9


def granted() -> set[Right]:
    """What the roles of the operator grant."""
    return {
        (group, resource, verb)
        for raw in yaml.safe_load_all(ROLES.read_text())
        for rule in raw.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def keep_used(audit_log: Path, name: str) -> None:
    """Leave what the operator's account used on a cluster, and was granted, in build/rights."""
    used = {
        (request.group, request.resource, request.verb)
        for request in AuditLog(audit_log).requests()
        if request.user == ACCOUNT and not request.forbidden
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(sorted(used), indent=1) + "\n")


def kept() -> set[Right]:
    """All rights that were used on any cluster."""
    files = FOLDER.glob("*.json")
    return {(item[0], item[1], item[2]) for file in files for item in json.loads(file.read_text())}


def problems(roles: Collection[Right], used: Collection[Right]) -> Iterator[str]:
    """What differs from the exceptions in UNUSED."""
    for right in sorted(set(roles) - set(used) - set(UNUSED)):
        yield f"{_words(right)}: granted, and no test uses it; take it away, or give a reason"
    for right in sorted(set(UNUSED) - set(roles)):
        yield f"{_words(right)}: is not granted; take it out of UNUSED"
    if len(UNUSED) > MOST_UNUSED:
        yield f"UNUSED has {len(UNUSED)} rights; at most {MOST_UNUSED} may be unused"


def _words(right: Right) -> str:
    group, resource, verb = right
    return f"{verb} {resource}{'.' if group else ''}{group}"


def main() -> int:
    """The exit code: 1 if a right is unused without a reason. Otherwise it prints nothing, so that
    the summary of the tests remains the last line."""
    found = list(problems(granted(), kept()))
    for problem in found:
        print(f"rights: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
