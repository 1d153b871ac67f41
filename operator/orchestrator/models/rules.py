"""CEL rules by model, and the merge strategies of lists and maps.

The API server does not check cycles, reachability or the types of expressions: the operator reports
them in the Workflow's conditions, and `orchestrator apply` before it sends anything.
"""

from __future__ import annotations

from typing import Any

from orchestrator.models import exactly_one as one
from orchestrator.models import messages
from orchestrator.models.base import YAML_BOOLEANS
from orchestrator.models.cel_text import literal
from orchestrator.models.exactly_one import ExactlyOne
from orchestrator.models.messages import field, unknown_node_in_cel

Rule = dict[str, Any]

_BOOLEANS = ", ".join(f"'{word}'" for word in YAML_BOOLEANS)
_UNQUOTED = (
    "a key is true or false: quote keys such as y, n, on and off, which YAML 1.1 reads as booleans"
)


def _rule(rule: str, message: str, path: str = "", expression: str = "") -> Rule:
    """A rule with its general message and an optional expression for a specific one."""
    optional = {"messageExpression": expression, "fieldPath": path}
    return {"rule": rule, "message": message} | {key: it for key, it in optional.items() if it}


def exactly_one(fields: ExactlyOne) -> Rule:
    """The rule that exactly one of these fields is set."""
    return _rule(fields.rule, fields.general, expression=fields.cel)


def _immutable(name: str) -> Rule:
    return _rule(
        f"has(self.{name}) == has(oldSelf.{name}) && "
        f"(!has(self.{name}) || self.{name} == oldSelf.{name})",
        f"{name} cannot change after the creation of an execution; create another one",
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
    "YAML reads this name as a boolean; choose another",
    ".name",
    messages.boolean_name(field("name")).cel,
)
_NODES = "[self.nodes.transformMapEntry(i, n, {n.name: true})]"
"""The names of all nodes as the keys of a map, so that a lookup has constant cost."""


def _known(field: str, message: str, names: str, missing: str) -> Rule:
    """The rule that a list of a Workflow names only its nodes; `missing` finds the first unknown
    name."""
    expression = unknown_node_in_cel(f"{_NODES}.map(m, {missing})[0]")
    rule = f"!has(self.{field}) || !has(self.nodes) || {_NODES}.all(m, self.{field}.all({names}))"
    return _rule(rule, message, f".{field}", expression)


def _longer_than_zero(name: str) -> Rule:
    """The rule that a duration is not zero.

    It does not use `duration()`, which also fails for a string that is not a duration.
    """
    rule = f"!has(self.{name}) || !self.{name}.matches({literal(messages.ZERO_PATTERN)})"
    expression = messages.not_zero(field(name)).cel
    return _rule(rule, f"{name} must be longer than zero, such as 30s", f".{name}", expression)


RULES: dict[str, list[Rule]] = {
    "WorkflowSpec": [
        _known(
            "edges",
            "an edge leads from or to a node that is not in nodes",
            "e, e.from in m && e.to in m",
            "self.edges.filter(e, !(e.from in m) || !(e.to in m))"
            ".map(e, e.from in m ? e.to : e.from)[0]",
        ),
        _rule(
            "!has(self.edges) || self.edges.transformMapEntry(i, e, {e.from + ' ' + e.to + ' ' + "
            "(has(e.outcome) ? e.outcome : ''): true}).size() == self.edges.size()",
            "two edges have the same from, to and outcome",
            ".edges",
        ),
        _known(
            "finally",
            "finally names a node that is not in nodes",
            "name, name in m",
            "self.finally.filter(name, !(name in m))[0]",
        ),
        _rule(
            "!has(self.finally) || !has(self.edges) || "
            "[self.finally.transformMapEntry(i, name, {name: true})].all(m, "
            "self.edges.all(e, !(e.from in m) && !(e.to in m)))",
            "a node of finally has no edges: it always runs last",
            ".finally",
        ),
        _longer_than_zero("timeout"),
    ],
    "Node": [
        exactly_one(one.NODE),
        _NAME,
        _only_on("with", "action"),
        _only_on("retry", "action workflow"),
        _only_on("repeat", "action workflow"),
        _only_on("forEach", "action workflow"),
        _only_on("timeout", "action approval wait workflow"),
        _only_on("startTimeout", "action"),
        _rule("!(has(self.forEach) && has(self.repeat))", "set either forEach or repeat, not both"),
        _rule(
            "!has(self.forEach) || !has(self.retry) || (!has(self.retry.backoff) && "
            "!(has(self.retry.reasons) && 'TimedOut' in self.retry.reasons))",
            "a fan-out's retry has no backoff and no TimedOut: Kubernetes retries its items",
            ".retry",
        ),
        _rule(
            "!has(self.timeout) || !has(self.action) || !self.timeout.matches('ms|[.]')",
            "the timeout of an action must be in whole seconds, such as 90s",
            ".timeout",
            messages.whole_seconds(field("timeout")).cel,
        ),
        _longer_than_zero("timeout"),
        _longer_than_zero("startTimeout"),
        _longer_than_zero("delay"),
    ],
    "Edge": [
        _rule(
            "self.from != self.to",
            "leads from a node to itself; to run a node again use repeat or retry",
            expression=messages.own_edge(field("from")).cel,
        )
    ],
    "Wait": [exactly_one(one.WAIT)],
    "Variable": [
        _NAME,
        _rule(
            "self.type == 'secret' ? has(self.secretKeyRef) : !has(self.secretKeyRef)",
            "secretKeyRef is required for type secret, and not allowed for other types",
        ),
    ],
    "Parameter": [_NAME],
    "TemplateOutput": [
        _NAME,
        _rule("self.type != 'secret'", "an output is never a secret", ".type"),
    ],
    "TemplateSpec": [exactly_one(one.TEMPLATE)],
    "Action": [
        _rule(
            "!has(self.script) || (!has(self.command) && !has(self.args))",
            "set either script, or command and args, not both",
            ".script",
        )
    ],
    "EnvVar": [
        _rule(
            "!(has(self.value) && has(self.valueFrom))", "set either value or valueFrom, not both"
        )
    ],
    "EnvVarSource": [exactly_one(one.VALUE_FROM)],
    "EnvFromRef": [exactly_one(one.ENV_FROM)],
    "Volume": [exactly_one(one.VOLUME)],
    "PodSettings": [
        _rule(
            "!has(self.labels) || self.labels.all(key, !key.contains('kubernetes.io/') && "
            "!key.startsWith('automation.itechsmart.dev/'))",
            "labels of kubernetes.io and automation.itechsmart.dev are reserved",
            ".labels",
        ),
        _rule(
            "!has(self.annotations) || self.annotations.all(key, "
            "!key.startsWith('automation.itechsmart.dev/'))",
            "annotations of automation.itechsmart.dev are reserved",
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
            "a cancelled execution can only change to Terminated, and a terminated one not at all",
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

RULED: dict[str, dict[str, Rule]] = {
    "WorkflowSpec": {
        "nodes": _rule("has(self.nodes) && self.nodes.size() > 0", messages.NO_NODES, ".nodes")
    }
}
"""Required fields that are checked by a rule instead of `required`, for which the API server has
its own message and after which it checks no rule."""

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
"""Merge strategy of each status: only the operator writes it, and tracking an owner of each field
makes each write a third slower."""

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
    ("IncidentSpec", "notes"): _keyed("id"),
    ("IncidentStatus", "conditions"): _keyed("type"),
    ("Node", "with"): _FREE_KEYS,
    ("Node", "transform"): _PURE_MAP,
    ("SubWorkflow", "variables"): _FREE_KEYS,
    ("TriggerSpec", "variables"): _FREE_KEYS,
}
"""Merge strategies of fields, and rules on their keys."""

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
