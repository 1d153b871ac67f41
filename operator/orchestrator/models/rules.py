"""What the schema alone cannot say: CEL rules by model, and how lists and maps merge.

Cycles, reachability and types of expressions are not the API server's: the operator says them in
the Workflow's conditions, and `orchestrator apply` before anything is sent.
"""

from __future__ import annotations

from typing import Any

from orchestrator.models.base import YAML_BOOLEANS

Rule = dict[str, Any]

_BOOLEANS = ", ".join(f"'{word}'" for word in YAML_BOOLEANS)
_UNQUOTED = "a key is true or false: quote keys such as y, n, on and off, which YAML 1.1 reads so"


def _rule(rule: str, message: str, path: str = "") -> Rule:
    return {"rule": rule, "message": message} | ({"fieldPath": path} if path else {})


def exactly_one(fields: str, what: str) -> Rule:
    """That one of these fields, whose names are divided by spaces, is given, and no other."""
    names = fields.split()
    present = ", ".join(f"has(self.{name})" for name in names)
    choices = f"{', '.join(names[:-1])} and {names[-1]}"
    return _rule(f"[{present}].filter(x, x).size() == 1", f"{what} has exactly one of {choices}")


def _immutable(name: str) -> Rule:
    return _rule(
        f"has(self.{name}) == has(oldSelf.{name}) && "
        f"(!has(self.{name}) || self.{name} == oldSelf.{name})",
        f"{name} cannot change: an execution is what was asked for; create another one",
        f".{name}",
    )


def _only_on(field: str, kinds: str) -> Rule:
    holders = " || ".join(f"has(self.{kind})" for kind in kinds.split())
    *most, last = kinds.split()
    nodes = f"{', '.join(most)} and {last}" if most else last
    return _rule(
        f"!has(self.{field}) || {holders}", f"{field} belongs to {nodes} nodes only", f".{field}"
    )


_NAME = _rule(
    f"!(self.name in [{_BOOLEANS}])",
    "YAML 1.1 reads this name as a boolean; choose another, such as yes_please",
    ".name",
)

_IDENTIFIER = {
    "rule": "self.name.matches('^[a-z][a-zA-Z0-9_]*$')",
    "message": "a name is letters, digits and _, and begins with a small letter",
    "messageExpression": "'a name is letters, digits and _, and begins with a small letter: write '"
    " + self.name.lowerAscii().replace('-', '_').replace('.', '_')",
    "fieldPath": ".name",
}

RULES: dict[str, list[Rule]] = {
    "WorkflowSpec": [
        # The messages name no node: a messageExpression that finds it costs more than a hundred
        # times what the API server allows. `orchestrator lint` and the conditions name it.
        _rule(
            "!has(self.edges) || [self.nodes.transformMapEntry(i, n, {n.name: true})].all(m, "
            "self.edges.all(e, e.from in m && e.to in m))",
            "an edge leads from or to a node that is not in nodes",
            ".edges",
        ),
        _rule(
            "!has(self.edges) || self.edges.transformMapEntry(i, e, {e.from + ' ' + e.to + ' ' + "
            "(has(e.outcome) ? e.outcome : ''): true}).size() == self.edges.size()",
            "two edges have the same from, to and outcome",
            ".edges",
        ),
        _rule(
            "!has(self.finally) || [self.nodes.transformMapEntry(i, n, {n.name: true})].all(m, "
            "self.finally.all(name, name in m))",
            "finally names a node that is not in nodes",
            ".finally",
        ),
        _rule(
            "!has(self.finally) || !has(self.edges) || "
            "[self.finally.transformMapEntry(i, name, {name: true})].all(m, "
            "self.edges.all(e, !(e.from in m) && !(e.to in m)))",
            "a node of finally has no edges: it runs last, whatever happened",
            ".finally",
        ),
        _rule(
            "!has(self.timeout) || duration(self.timeout) > duration('0s')",
            "a timeout is more than 0s",
            ".timeout",
        ),
    ],
    "Node": [
        exactly_one("action condition approval delay workflow transform wait fail", "a node"),
        _NAME,
        _IDENTIFIER,
        _only_on("with", "action"),
        _only_on("retry", "action workflow"),
        _only_on("repeat", "action workflow"),
        _only_on("forEach", "action workflow"),
        _only_on("timeout", "action approval wait workflow"),
        _only_on("startTimeout", "action"),
        _rule("!(has(self.forEach) && has(self.repeat))", "forEach and repeat exclude each other"),
        _rule(
            "!has(self.forEach) || !has(self.retry) || (!has(self.retry.backoff) && "
            "!(has(self.retry.reasons) && 'TimedOut' in self.retry.reasons))",
            "a fan-out's retry has no backoff and no TimedOut: Kubernetes repeats its items",
            ".retry",
        ),
        _rule(
            "!has(self.timeout) || !has(self.action) || !self.timeout.matches('ms|[.]')",
            "an action's timeout is in whole seconds, such as 90s",
            ".timeout",
        ),
        _rule(
            "!has(self.timeout) || duration(self.timeout) > duration('0s')",
            "a timeout is more than 0s",
            ".timeout",
        ),
        _rule(
            "!has(self.startTimeout) || duration(self.startTimeout) > duration('0s')",
            "a startTimeout is more than 0s",
            ".startTimeout",
        ),
        _rule(
            "!has(self.delay) || duration(self.delay) > duration('0s')",
            "a delay is more than 0s",
            ".delay",
        ),
    ],
    "Edge": [_rule("self.from != self.to", "an edge leads to another node than its own", ".to")],
    "Wait": [exactly_one("until signal", "a wait")],
    "Variable": [
        _NAME,
        _IDENTIFIER,
        _rule(
            "self.type == 'secret' ? has(self.secretKeyRef) : !has(self.secretKeyRef)",
            "a variable of type secret has a secretKeyRef, and no other has",
        ),
    ],
    "Parameter": [_NAME],
    "TemplateOutput": [
        _NAME,
        _rule("self.type != 'secret'", "an output is never a secret", ".type"),
    ],
    "TemplateSpec": [exactly_one("action workflow", "a template")],
    "Action": [
        _rule(
            "!has(self.script) || (!has(self.command) && !has(self.args))",
            "give either script, or command and args",
            ".script",
        )
    ],
    "EnvVar": [_rule("!(has(self.value) && has(self.valueFrom))", "value or valueFrom, not both")],
    "EnvVarSource": [exactly_one("secretKeyRef configMapKeyRef fieldRef", "valueFrom")],
    "EnvFromRef": [exactly_one("configMapRef secretRef", "an entry of envFrom")],
    "Volume": [exactly_one("emptyDir configMap secret persistentVolumeClaim", "a volume")],
    "PodSettings": [
        _rule(
            "!has(self.labels) || self.labels.all(key, !key.contains('kubernetes.io/') && "
            "!key.startsWith('automation.itechsmart.dev/'))",
            "labels of kubernetes.io and automation.itechsmart.dev are not yours to set",
            ".labels",
        ),
        _rule(
            "!has(self.annotations) || self.annotations.all(key, "
            "!key.startsWith('automation.itechsmart.dev/'))",
            "annotations of automation.itechsmart.dev are not yours to set",
            ".annotations",
        ),
    ],
    "ExecutionSpec": [
        *(
            _immutable(name)
            for name in ("workflow", "variables", "requester", "trigger", "parent", "rerunOf")
        ),
        _rule(
            "!has(oldSelf.desiredState) || !has(self.desiredState) || "
            "oldSelf.desiredState == self.desiredState || "
            "oldSelf.desiredState in ['Running', 'Paused'] || self.desiredState == 'Terminated'",
            "a cancelled execution can only be Terminated, and a terminated one not be changed",
            ".desiredState",
        ),
        _rule(
            "!has(oldSelf.desiredState) || oldSelf.desiredState == 'Running' || "
            "has(self.desiredState)",
            "desiredState cannot be removed; set it to Running",
            ".desiredState",
        ),
        _rule(
            "!has(oldSelf.desiredState) || oldSelf.desiredState != 'Terminated' || "
            "self.desiredState == 'Terminated'",
            "a terminated execution cannot be changed",
            ".desiredState",
        ),
    ],
}

_FREE_KEYS: Rule = {
    "properties": {
        "true": {"x-kubernetes-int-or-string": True},
        "false": {"x-kubernetes-int-or-string": True},
    },
    "x-kubernetes-validations": [_rule("!has(self.__true__) && !has(self.__false__)", _UNQUOTED)],
}
_PURE_MAP: Rule = {
    "x-kubernetes-validations": [_rule("!('true' in self) && !('false' in self)", _UNQUOTED)]
}


def _keyed(*keys: str) -> Rule:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


_ATOMIC: Rule = {"x-kubernetes-list-type": "atomic"}

ATOMIC_MAP: Rule = {"x-kubernetes-map-type": "atomic"}
"""Of each status: it is the operator's alone, and an API server that keeps an owner for each of its
fields takes a third longer for each write of it."""

FIELDS: dict[tuple[str, str], Rule] = {
    ("WorkflowSpec", "nodes"): _keyed("name"),
    ("WorkflowSpec", "variables"): _keyed("name"),
    ("WorkflowSpec", "outputs"): _keyed("name"),
    ("WorkflowSpec", "edges"): _ATOMIC,
    ("WorkflowSpec", "layout"): _PURE_MAP,
    ("TemplateSpec", "parameters"): _keyed("name"),
    ("TemplateSpec", "outputs"): _keyed("name"),
    ("Action", "volumes"): _keyed("name"),
    ("ExecutionSpec", "decisions"): _keyed("node", "by"),
    ("ExecutionSpec", "signals"): _keyed("id"),
    ("ExecutionSpec", "variables"): _FREE_KEYS,
    ("ExecutionStatus", "conditions"): _keyed("type"),
    ("WorkflowStatus", "conditions"): _keyed("type"),
    ("TemplateStatus", "conditions"): _keyed("type"),
    ("TriggerStatus", "conditions"): _keyed("type"),
    ("IncidentStatus", "conditions"): _keyed("type"),
    ("Node", "with"): _FREE_KEYS,
    ("Node", "transform"): _PURE_MAP,
    ("SubWorkflow", "variables"): _FREE_KEYS,
    ("TriggerSpec", "variables"): _FREE_KEYS,
}
"""How single fields merge, and what is asked of their keys."""

ROOT: dict[str, list[Rule]] = {
    "Workflow": [
        _rule("size(self.metadata.name) <= 63", "a Workflow's name has at most 63 characters"),
        {
            "rule": "!self.metadata.name.contains('.')",
            "message": "a Workflow's name has no dots",
            "messageExpression": '"a Workflow\'s name has no dots: write "'
            " + self.metadata.name.replace('.', '-')",
        },
    ]
}
