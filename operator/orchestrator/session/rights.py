"""Explains a Forbidden answer: the missing right, and the command that grants it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass

from orchestrator.models.base import GROUP

_RBAC = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)
_POLICY = re.compile(
    r"ValidatingAdmissionPolicy '[^']+' with binding '[^']+' denied request: (.*)", re.DOTALL
)
_VERB = re.compile(
    r"^(?P<user>.+) may not .*it requires the verb (?P<verb>\w+) on (?P<resource>\w+)"
)
_VERBS = ("run", "control", "approve", "signal", "rerun")
"""Roles of that name; the on-call role contains all of them."""
_WRITES = {"desiredState": "control", "decisions": "approve", "signals": "signal"}
"""The verb that a change of the field requires."""
_OURS = ("workflows", "workflowexecutions", "templates", "triggers", "incidents")
_EVIDENCE = ("controllerrevisions", "events", "jobs", "pods", "pods/log")
"""Objects that `explain` reads in addition to the execution."""
_READS = ("get", "list", "watch")
ONCALL = "itechsmart-workflow-oncall"


@dataclass(frozen=True)
class Missing:
    """A right that a user lacks; without a namespace, it applies to the whole cluster."""

    user: str
    """Empty if the API server does not say who it is."""
    verb: str
    resource: str
    group: str = GROUP
    namespace: str = ""

    def sentence(self, sent: object = None) -> str:
        """Who may not do what and where, and the command that grants it; `sent` is the request's
        body."""
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        said = f"{self.user or 'you'} may not {self.verb} {self.resource} {where}"
        return said + self.grant(sent)

    def grant(self, sent: object = None) -> str:
        """The command that grants the right, for users who may run it."""
        role = _role(self, sent)
        if role is None:
            return "; a cluster administrator can grant it"
        place = f" --namespace={self.namespace}" if self.namespace else ""
        kind = "rolebinding" if self.namespace else "clusterrolebinding"
        suffix = role.removeprefix("itechsmart-workflow-")
        user = re.sub("[^a-z0-9.]+", "-", self.user.lower()).strip("-.")
        name = f"{user}-{suffix}" if user else suffix
        lines = [
            "; this grants it:",
            f"  kubectl create {kind} {name}{place} --clusterrole={role} {_subject(self.user)}",
        ]
        if not self.user:
            lines.append("  (for a service account: --serviceaccount=NAMESPACE:NAME)")
        if self.namespace and role != ONCALL and suffix in (*_VERBS, "view"):
            lines.append(
                f"  ({ONCALL} grants this and everything else that an on-call engineer needs)"
            )
        return "\n".join(lines)


def explain_refusal(message: str, namespace: str, sent: object = None) -> str:
    """A Forbidden answer in plain words; `namespace` is the request's, `sent` its body.

    An answer that names no right, such as a quota's, is passed on unchanged.
    """
    found = _RBAC.search(message)
    if found is not None:
        group = found["group"] or ""
        missing = Missing(
            found["user"], found["verb"], found["resource"], group, found["namespace"] or ""
        )
        return missing.sentence(sent)
    denied = _POLICY.search(message)
    if denied is None:
        return f"you may not do this: {message}"
    said = " ".join(denied[1].split())
    verb = _VERB.match(said)
    if verb is None:
        return said
    return said + Missing(verb["user"], verb["verb"], verb["resource"], namespace=namespace).grant()


def _role(missing: Missing, sent: object) -> str | None:
    """The smallest of the shipped roles and Kubernetes' own that contains the right."""
    verb, resource = missing.verb, missing.resource
    if missing.group == GROUP:
        if resource == "clustertemplates":
            return "itechsmart-workflow-catalogue" if verb in _READS else None
        if resource not in _OURS:
            return None
        if verb in _READS:
            return "itechsmart-workflow-view"
        if resource == "workflowexecutions":
            return _role_on_executions(verb, sent)
        return "itechsmart-workflow-edit"
    explains = missing.namespace and verb in _READS and resource in _EVIDENCE
    return ONCALL if explains else None


def _role_on_executions(verb: str, sent: object) -> str | None:
    fields = _fields(sent)
    match verb:
        case "create":
            verb = "rerun" if "rerunOf" in fields else "run"
        case "patch":
            verb = next((of for field, of in _WRITES.items() if field in fields), "oncall")
        case "delete":
            verb = "edit"
    known = verb in (*_VERBS, "oncall", "edit")
    return f"itechsmart-workflow-{verb}" if known else None


def _fields(sent: object) -> Collection[str]:
    """The fields of the spec that a request writes, as an object, a merge patch or a JSON patch."""
    if isinstance(sent, list):
        paths = (str(step.get("path", "")).split("/") for step in sent)
        return [path[2] for path in paths if path[1:2] == ["spec"] and len(path) > 2]
    spec = sent.get("spec") if isinstance(sent, dict) else None
    return spec if isinstance(spec, dict) else ()


def _subject(user: str) -> str:
    account = re.fullmatch(r"system:serviceaccount:([^:]+):([^:]+)", user)
    if account is not None:
        return f"--serviceaccount={account[1]}:{account[2]}"
    return f"--user={shlex.quote(user)}" if user else "--user=NAME"
